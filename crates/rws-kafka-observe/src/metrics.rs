use crate::outbox::{OutboxFamilies, OutboxOf};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::time::Duration;

/// Upper bounds of the latency buckets, in milliseconds.
pub(crate) const LATENCY_BUCKETS_MS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0,
];

/// The metric families; the first six are the roadmap's.
///
/// | family | type | labels |
/// |---|---|---|
/// | `rws_kafka_messages_produced_total` | counter | `topic` |
/// | `rws_kafka_produce_errors_total` | counter | `topic` |
/// | `rws_kafka_produce_latency_ms` | histogram | `topic` |
/// | `rws_kafka_messages_consumed_total` | counter | `topic`, `group` |
/// | `rws_kafka_consumer_errors_total` | counter | `topic`, `group` |
/// | `rws_kafka_consumer_lag` | gauge | `topic`, `partition`, `group` |
/// | `rws_kafka_consumer_retries_total` | counter | `topic`, `group` |
/// | `rws_kafka_dead_letters_total` | counter | `topic`, `group` |
/// | `rws_kafka_messages_skipped_total` | counter | `topic`, `group` |
/// | `rws_kafka_outbox_published_total` | counter | `schema` |
/// | `rws_kafka_outbox_refused_total` | counter | `schema` |
/// | `rws_kafka_outbox_parked_total` | counter | `schema` |
/// | `rws_kafka_outbox_backlog` | gauge | `schema` |
/// | `rws_kafka_outbox_oldest_age_seconds` | gauge | `schema` |
/// | `rws_kafka_outbox_publish_latency_ms` | histogram | `schema` |
/// | `rws_kafka_outbox_batch_size` | histogram | `schema` |
/// | `rws_kafka_outbox_shard_owner` | gauge | `schema`, `shard` |
///
/// `topic` is the one that a message came from, also in `rws_kafka_dead_letters_total`.
///
/// Recorders are looked up by label once and kept: what runs per message only adds.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    produced: IntCounterVec,
    produce_errors: IntCounterVec,
    produce_latency: HistogramVec,
    consumed: IntCounterVec,
    consumer_errors: IntCounterVec,
    consumer_lag: IntGaugeVec,
    retries: IntCounterVec,
    dead_letters: IntCounterVec,
    skipped: IntCounterVec,
    outbox: OutboxFamilies,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        Self {
            produced: counter(
                &registry,
                "rws_kafka_messages_produced_total",
                "Total messages successfully published to Kafka",
                &["topic"],
            ),
            produce_errors: counter(
                &registry,
                "rws_kafka_produce_errors_total",
                "Messages that failed to publish",
                &["topic"],
            ),
            produce_latency: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "rws_kafka_produce_latency_ms",
                        "Publish round-trip latency to broker",
                    )
                    .buckets(LATENCY_BUCKETS_MS.to_vec()),
                    &["topic"],
                ),
            ),
            consumed: counter(
                &registry,
                "rws_kafka_messages_consumed_total",
                "Total messages processed by the consumer",
                &["topic", "group"],
            ),
            consumer_errors: counter(
                &registry,
                "rws_kafka_consumer_errors_total",
                "Messages that failed processing (before DLQ)",
                &["topic", "group"],
            ),
            consumer_lag: register(
                &registry,
                IntGaugeVec::new(
                    Opts::new(
                        "rws_kafka_consumer_lag",
                        "Current consumer lag (messages behind the latest offset)",
                    ),
                    &["topic", "partition", "group"],
                ),
            ),
            retries: counter(
                &registry,
                "rws_kafka_consumer_retries_total",
                "Failed messages that were to be handled again",
                &["topic", "group"],
            ),
            dead_letters: counter(
                &registry,
                "rws_kafka_dead_letters_total",
                "Messages published to the dead letter queue",
                &["topic", "group"],
            ),
            skipped: counter(
                &registry,
                "rws_kafka_messages_skipped_total",
                "Failed messages that were passed over",
                &["topic", "group"],
            ),
            outbox: OutboxFamilies::new(&registry),
            registry,
        }
    }

    /// The recorder of what is published to `topic`.
    pub fn produced_to(&self, topic: &str) -> ProducedTo {
        ProducedTo {
            produced: self.produced.with_label_values(&[topic]),
            errors: self.produce_errors.with_label_values(&[topic]),
            latency: self.produce_latency.with_label_values(&[topic]),
        }
    }

    /// The recorder of what `group` consumes from `topic`.
    pub fn consumed_from(&self, topic: &str, group: &str) -> ConsumedFrom {
        ConsumedFrom {
            consumed: self.consumed.with_label_values(&[topic, group]),
            errors: self.consumer_errors.with_label_values(&[topic, group]),
            retries: self.retries.with_label_values(&[topic, group]),
            dead_letters: self.dead_letters.with_label_values(&[topic, group]),
            skipped: self.skipped.with_label_values(&[topic, group]),
        }
    }

    /// The recorder of a relay of the outbox in the database's `schema`.
    pub fn outbox_of(&self, schema: &str) -> OutboxOf {
        self.outbox.of(schema)
    }

    /// The lag of `group` on one partition; the series leaves the page when this is dropped.
    pub fn lag_of(&self, topic: &str, partition: i32, group: &str) -> LagOf {
        LagOf {
            family: self.consumer_lag.clone(),
            labels: [topic.to_owned(), partition.to_string(), group.to_owned()],
            gauge: None,
        }
    }

    pub(crate) fn render(&self) -> String {
        let mut page = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut page)
            .expect("writing to a Vec does not fail");
        String::from_utf8(page).expect("the encoder writes UTF-8")
    }
}

/// Counts what is published to one topic.
#[derive(Clone, Debug)]
pub struct ProducedTo {
    produced: IntCounter,
    errors: IntCounter,
    latency: prometheus::Histogram,
}

impl ProducedTo {
    /// A message was acknowledged, this long after it was handed over.
    pub fn delivered(&self, latency: Duration) {
        self.produced.inc();
        self.latency.observe(latency.as_secs_f64() * 1000.0);
    }

    /// A message failed for good.
    pub fn failed(&self) {
        self.errors.inc();
    }
}

/// Counts what one group consumes from one topic.
#[derive(Clone, Debug)]
pub struct ConsumedFrom {
    consumed: IntCounter,
    errors: IntCounter,
    retries: IntCounter,
    dead_letters: IntCounter,
    skipped: IntCounter,
}

impl ConsumedFrom {
    /// `count` messages were processed.
    pub fn processed(&self, count: u64) {
        self.consumed.inc_by(count);
    }

    /// A message failed processing once.
    pub fn failed(&self) {
        self.errors.inc();
    }

    /// A failed message is to be processed again.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// The broker has acknowledged the dead letter of a message.
    pub fn dead_lettered(&self) {
        self.dead_letters.inc();
    }

    /// A failed message is passed over.
    pub fn skipped(&self) {
        self.skipped.inc();
    }
}

/// The lag of one group on one partition. What is not known is not on the page.
#[derive(Debug)]
pub struct LagOf {
    family: IntGaugeVec,
    labels: [String; 3],
    gauge: Option<IntGauge>,
}

impl LagOf {
    /// `lag` messages behind the latest offset.
    pub fn set(&mut self, lag: u64) {
        self.gauge
            .get_or_insert_with(|| self.family.with_label_values(&self.labels))
            .set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    /// What was set last; `None` while it is not known.
    pub fn value(&self) -> Option<u64> {
        let lag = self.gauge.as_ref()?.get();
        Some(u64::try_from(lag).unwrap_or(0))
    }

    /// The lag is no longer known: the series leaves the page.
    pub fn forget(&mut self) {
        if self.gauge.take().is_some() {
            // Fails only for a series that is gone already.
            let _ = self.family.remove_label_values(&self.labels);
        }
    }
}

impl Drop for LagOf {
    fn drop(&mut self) {
        self.forget();
    }
}

pub(crate) fn counter(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

/// Names and labels are constants of this file, so a refusal is a mistake in it.
pub(crate) fn register<T>(registry: &Registry, family: prometheus::Result<T>) -> T
where
    T: prometheus::core::Collector + Clone + 'static,
{
    let family = family.expect("a valid family");
    registry
        .register(Box::new(family.clone()))
        .expect("a family registered once");
    family
}
