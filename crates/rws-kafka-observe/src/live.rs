//! Gauges that are read from the live clients at each scrape.

use crate::family::Family;
use crate::gathered::Gathered;
use crate::status::{BrokerStatus, ConsumerStatus, PartitionState, ProducerStatus};
use prometheus::proto::MetricFamily;
use std::collections::BTreeMap;

/// A gauge, and a function that reads it from the status of one client.
struct Live<S> {
    family: Family,
    /// Returns `None` if the value is unknown.
    read: fn(&S) -> Option<f64>,
    /// Combines the values of two clients with the same labels.
    join: fn(f64, f64) -> f64,
}

const SUM: fn(f64, f64) -> f64 = |one, other| one + other;

static OF_GROUPS: [Live<ConsumerStatus>; 6] = [
    Live {
        family: of_group(
            "rws_kafka_consumer_queued_messages",
            "Messages that were fetched and wait for a handler",
        ),
        read: |consumer| Some(consumer.queued_messages as f64),
        join: SUM,
    },
    Live {
        family: of_group(
            "rws_kafka_consumer_queued_bytes",
            "Bytes of the messages that were fetched and are not finished",
        ),
        read: |consumer| Some(consumer.queued_bytes as f64),
        join: SUM,
    },
    Live {
        family: of_group(
            "rws_kafka_consumer_in_flight",
            "Messages that a handler has, or whose dead letter is not acknowledged yet",
        ),
        read: |consumer| Some(consumer.in_flight as f64),
        join: SUM,
    },
    Live {
        family: of_group(
            "rws_kafka_consumer_oldest_in_flight_seconds",
            "Time that the oldest message in flight has been with a handler, 0 without one",
        ),
        read: |consumer| Some(consumer.oldest_in_flight_ms.unwrap_or(0) as f64 / 1000.0),
        join: f64::max,
    },
    Live {
        family: of_group(
            "rws_kafka_consumer_paused_partitions",
            "Assigned partitions that are currently not fetched or not handled",
        ),
        read: |consumer| {
            let is_paused = |state| matches!(state, PartitionState::Paused | PartitionState::Full);
            let states = consumer.partitions.iter().map(|partition| partition.state);
            Some(states.filter(|state| is_paused(*state)).count() as f64)
        },
        join: SUM,
    },
    Live {
        family: of_group(
            "rws_kafka_consumer_assigned_partitions",
            "Partitions that the group has assigned to this process",
        ),
        read: |consumer| Some(consumer.partitions.len() as f64),
        join: SUM,
    },
];

static OF_PRODUCERS: [Live<ProducerStatus>; 2] = [
    Live {
        family: of_client(
            "rws_kafka_producer_queued_messages",
            "Messages that were accepted and have no outcome yet",
        ),
        read: |producer| Some(producer.queued_messages as f64),
        join: SUM,
    },
    Live {
        family: of_client(
            "rws_kafka_producer_queued_bytes",
            "Bytes of the messages that were accepted and have no outcome yet",
        ),
        read: |producer| Some(producer.queued_bytes as f64),
        join: SUM,
    },
];

static OF_BROKERS: [Live<BrokerStatus>; 2] = [
    Live {
        family: of_broker(
            "rws_kafka_broker_round_trip_ms",
            "Average time from a request to the broker's answer",
        ),
        read: |broker| broker.round_trip_ms,
        join: f64::max,
    },
    Live {
        family: of_broker(
            "rws_kafka_broker_throttle_ms",
            "Average time by which the broker delayed answers because of a quota",
        ),
        read: |broker| broker.throttle_ms,
        join: f64::max,
    },
];

const fn of_group(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help, &["group"])
}

const fn of_client(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help, &["client"])
}

const fn of_broker(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help, &["client", "broker"])
}

/// Returns the families that this module declares.
pub(crate) fn declared() -> impl Iterator<Item = &'static Family> {
    let of_groups = OF_GROUPS.iter().map(|live| &live.family);
    let of_producers = OF_PRODUCERS.iter().map(|live| &live.family);
    let of_brokers = OF_BROKERS.iter().map(|live| &live.family);
    of_groups.chain(of_producers).chain(of_brokers)
}

/// Builds the families of all live consumers, producers and brokers.
pub(crate) fn gather(
    consumers: &[ConsumerStatus],
    producers: &[ProducerStatus],
    brokers: &[BrokerStatus],
) -> Vec<MetricFamily> {
    let of_groups = OF_GROUPS
        .iter()
        .map(|live| live.gather(consumers, |consumer| [consumer.group.as_str()]));
    let of_producers = OF_PRODUCERS
        .iter()
        .map(|live| live.gather(producers, |producer| [producer.client.as_str()]));
    let of_brokers = OF_BROKERS
        .iter()
        .map(|live| live.gather(brokers, |broker| [&*broker.client, &*broker.name]));
    of_groups
        .chain(of_producers)
        .chain(of_brokers)
        .flatten()
        .collect()
}

impl<S> Live<S> {
    fn gather<const LABELS: usize>(
        &self,
        clients: &[S],
        labels: for<'a> fn(&'a S) -> [&'a str; LABELS],
    ) -> Option<MetricFamily> {
        let mut joined = BTreeMap::new();
        for client in clients {
            if let Some(value) = (self.read)(client) {
                joined
                    .entry(labels(client))
                    .and_modify(|known| *known = (self.join)(*known, value))
                    .or_insert(value);
            }
        }
        let mut family = Gathered::new(&self.family);
        for (labels, value) in joined {
            family.gauge(&labels, value);
        }
        family.into_family()
    }
}
