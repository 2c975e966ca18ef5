//! Gauges that are read from live clients at each scrape.

use crate::family::Family;
use crate::status::{BrokerStatus, ConsumerStatus, PartitionState, ProducerStatus};
use prometheus::proto::MetricFamily;
use std::collections::BTreeMap;

/// A gauge of all consumers of a group together.
struct OfGroup {
    name: &'static str,
    help: &'static str,
    read: fn(&ConsumerStatus) -> f64,
    /// How those of several consumers are one.
    join: fn(f64, f64) -> f64,
}

const SUM: fn(f64, f64) -> f64 = |one, other| one + other;

const OF_GROUP: [OfGroup; 6] = [
    OfGroup {
        name: "rws_kafka_consumer_queued_messages",
        help: "Messages that were fetched and wait for a handler",
        read: |consumer| consumer.queued_messages as f64,
        join: SUM,
    },
    OfGroup {
        name: "rws_kafka_consumer_queued_bytes",
        help: "Bytes of the messages that were fetched and are not done with",
        read: |consumer| consumer.queued_bytes as f64,
        join: SUM,
    },
    OfGroup {
        name: "rws_kafka_consumer_in_flight",
        help: "Messages that a handler has or whose dead letter is on its way",
        read: |consumer| consumer.in_flight as f64,
        join: SUM,
    },
    OfGroup {
        name: "rws_kafka_consumer_oldest_in_flight_seconds",
        help: "How long a handler has had the message that it has had for longest, 0 without one",
        read: |consumer| consumer.oldest_in_flight_ms.unwrap_or(0) as f64 / 1000.0,
        join: f64::max,
    },
    OfGroup {
        name: "rws_kafka_consumer_paused_partitions",
        help: "Assigned partitions that are not fetched from or not handled for now",
        read: |consumer| {
            let is_paused = |state| matches!(state, PartitionState::Paused | PartitionState::Full);
            let states = consumer.partitions.iter().map(|partition| partition.state);
            states.filter(|state| is_paused(*state)).count() as f64
        },
        join: SUM,
    },
    OfGroup {
        name: "rws_kafka_consumer_assigned_partitions",
        help: "Partitions that the group has given to this process",
        read: |consumer| consumer.partitions.len() as f64,
        join: SUM,
    },
];

/// The families of consumers, producers and brokers, as far as there are any.
pub(crate) fn families(
    consumers: &[ConsumerStatus],
    producers: &[ProducerStatus],
    brokers: &[BrokerStatus],
) -> Vec<MetricFamily> {
    let of_groups = OF_GROUP.iter().map(|gauge| {
        let mut family = Family::new(gauge.name, gauge.help, &["group"]);
        let values = consumers
            .iter()
            .map(|consumer| (consumer.group.as_str(), (gauge.read)(consumer)));
        for (group, value) in joined(values, gauge.join) {
            family.gauge(&[group], value);
        }
        family
    });
    let of_clients = |name, help, read: fn(&ProducerStatus) -> u64| {
        let mut family = Family::new(name, help, &["client"]);
        let values = producers
            .iter()
            .map(|producer| (producer.client.as_str(), read(producer) as f64));
        for (client, value) in joined(values, SUM) {
            family.gauge(&[client], value);
        }
        family
    };
    let of_brokers = |name, help, read: fn(&BrokerStatus) -> Option<f64>| {
        let mut family = Family::new(name, help, &["broker", "client"]);
        for broker in brokers {
            if let Some(value) = read(broker) {
                family.gauge(&[&broker.name, &broker.client], value);
            }
        }
        family
    };
    let others = [
        of_clients(
            "rws_kafka_producer_queued_messages",
            "Messages that were accepted and have no outcome yet",
            |producer| producer.queued_messages,
        ),
        of_clients(
            "rws_kafka_producer_queued_bytes",
            "Bytes of the messages that were accepted and have no outcome yet",
            |producer| producer.queued_bytes,
        ),
        of_brokers(
            "rws_kafka_broker_round_trip_ms",
            "Average time from a request to the broker's answer",
            |broker| broker.round_trip_ms,
        ),
        of_brokers(
            "rws_kafka_broker_throttle_ms",
            "Average time by which the broker held answers back for a quota",
            |broker| broker.throttle_ms,
        ),
    ];
    of_groups
        .chain(others)
        .filter_map(Family::into_family)
        .collect()
}

fn joined<'a>(
    values: impl Iterator<Item = (&'a str, f64)>,
    join: fn(f64, f64) -> f64,
) -> BTreeMap<&'a str, f64> {
    let mut joined = BTreeMap::new();
    for (label, value) in values {
        joined
            .entry(label)
            .and_modify(|known| *known = join(*known, value))
            .or_insert(value);
    }
    joined
}
