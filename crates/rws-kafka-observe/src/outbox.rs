//! The families of the outbox.

use crate::metrics::{counter, register};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::time::Duration;

const LABELS: &[&str] = &["schema"];

#[derive(Debug)]
pub(crate) struct OutboxFamilies {
    published: IntCounterVec,
    refused: IntCounterVec,
    parked: IntCounterVec,
    backlog: IntGaugeVec,
    oldest_age: IntGaugeVec,
}

impl OutboxFamilies {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name, help| counter(registry, name, help, LABELS);
        let gauge =
            |name, help| register(registry, IntGaugeVec::new(Opts::new(name, help), LABELS));
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
        }
    }

    pub(crate) fn of(&self, schema: &str) -> OutboxOf {
        let labels = [schema];
        OutboxOf {
            published: self.published.with_label_values(&labels),
            refused: self.refused.with_label_values(&labels),
            parked: self.parked.with_label_values(&labels),
            backlog: self.backlog.with_label_values(&labels),
            oldest_age: self.oldest_age.with_label_values(&labels),
        }
    }
}

/// Counts what the relays of one outbox do in this process.
#[derive(Clone, Debug)]
pub struct OutboxOf {
    published: IntCounter,
    refused: IntCounter,
    parked: IntCounter,
    backlog: IntGauge,
    oldest_age: IntGauge,
}

impl OutboxOf {
    /// `count` events were acknowledged and are deleted.
    pub fn published(&self, count: u64) {
        self.published.inc_by(count);
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
        self.backlog.set(cap(events));
        self.oldest_age.set(cap(oldest.as_secs()));
    }
}
