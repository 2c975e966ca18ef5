//! The families of the outbox.

use crate::durations::BOUNDS_MS;
use crate::metrics::{counter, register};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};
use std::time::Duration;

const LABELS: &[&str] = &["schema"];

/// Upper bounds of the buckets of a batch's events.
const BATCH_BUCKETS: [f64; 11] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 10_000.0,
];

#[derive(Debug)]
pub(crate) struct OutboxFamilies {
    published: IntCounterVec,
    refused: IntCounterVec,
    parked: IntCounterVec,
    backlog: IntGaugeVec,
    oldest_age: IntGaugeVec,
    publish_latency: HistogramVec,
    batch_size: HistogramVec,
    shard_owner: IntGaugeVec,
}

impl OutboxFamilies {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name, help| counter(registry, name, help, LABELS);
        let gauge =
            |name, help| register(registry, IntGaugeVec::new(Opts::new(name, help), LABELS));
        let histogram = |name, help, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            register(registry, HistogramVec::new(options, LABELS))
        };
        Self {
            published: counter(
                "rws_kafka_outbox_published_total",
                "Events of the outbox acknowledged by Kafka",
            ),
            refused: counter(
                "rws_kafka_outbox_refused_total",
                "Refusals of events of the outbox by Kafka",
            ),
            parked: counter(
                "rws_kafka_outbox_parked_total",
                "Events of the outbox that were put aside",
            ),
            backlog: gauge(
                "rws_kafka_outbox_backlog",
                "Events in the outbox, counted up to 100000",
            ),
            oldest_age: gauge(
                "rws_kafka_outbox_oldest_age_seconds",
                "Age of the oldest event in the outbox",
            ),
            publish_latency: histogram(
                "rws_kafka_outbox_publish_latency_ms",
                "Time from enqueuing an event to its acknowledgement by Kafka",
                &BOUNDS_MS.map(|ms| ms as f64),
            ),
            batch_size: histogram(
                "rws_kafka_outbox_batch_size",
                "Events read from the outbox in one transaction",
                &BATCH_BUCKETS,
            ),
            shard_owner: register(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "rws_kafka_outbox_shard_owner",
                        "1 for a shard of the outbox that a relay of this process had last",
                    ),
                    &["schema", "shard"],
                ),
            ),
        }
    }

    pub(crate) fn of(&self, schema: &str) -> OutboxOf {
        let labels = [schema];
        OutboxOf {
            published: self.published.with_label_values(&labels),
            refused: self.refused.with_label_values(&labels),
            parked: self.parked.with_label_values(&labels),
            backlog: self.backlog.clone(),
            oldest_age: self.oldest_age.clone(),
            publish_latency: self.publish_latency.with_label_values(&labels),
            batch_size: self.batch_size.with_label_values(&labels),
            shard_owner: self.shard_owner.clone(),
            schema: schema.to_owned(),
        }
    }
}

/// Counts what the relays of one outbox do in this process.
#[derive(Clone, Debug)]
pub struct OutboxOf {
    published: IntCounter,
    refused: IntCounter,
    parked: IntCounter,
    backlog: IntGaugeVec,
    oldest_age: IntGaugeVec,
    publish_latency: Histogram,
    batch_size: Histogram,
    shard_owner: IntGaugeVec,
    schema: String,
}

impl OutboxOf {
    /// `count` events were acknowledged and are deleted.
    pub fn published(&self, count: u64) {
        self.published.inc_by(count);
    }

    /// An event was acknowledged this long after it was enqueued.
    pub fn latency(&self, latency: Duration) {
        self.publish_latency.observe(latency.as_secs_f64() * 1000.0);
    }

    /// A batch of this many events was read.
    pub fn batch(&self, events: usize) {
        self.batch_size.observe(events as f64);
    }

    /// Whether a relay of this process had the shard when it last asked for it.
    pub fn shard(&self, shard: i16, is_owned: bool) {
        let labels = [self.schema.as_str(), &shard.to_string()];
        let gauge = self.shard_owner.with_label_values(&labels);
        gauge.set(i64::from(is_owned));
    }

    /// Kafka refused events `count` times.
    pub fn refused(&self, count: u64) {
        self.refused.inc_by(count);
    }

    /// `count` events were put aside.
    pub fn parked(&self, count: u64) {
        self.parked.inc_by(count);
    }

    /// There are `events` in the outbox, the oldest of this age; none has the age 0.
    pub fn backlog(&self, events: u64, oldest: Duration) {
        let cap = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let labels = [self.schema.as_str()];
        self.backlog.with_label_values(&labels).set(cap(events));
        let age = self.oldest_age.with_label_values(&labels);
        age.set(cap(oldest.as_secs()));
    }

    /// It is not known any more what is in the outbox: backlog and age leave the page.
    pub fn unknown(&self) {
        let labels = [self.schema.as_str()];
        for family in [&self.backlog, &self.oldest_age] {
            // Fails only for a series that is not there.
            let _ = family.remove_label_values(&labels);
        }
    }
}
