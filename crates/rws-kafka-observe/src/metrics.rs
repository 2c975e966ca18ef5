use crate::consumed::{ConsumedFrom, ConsumedSeries};
use crate::durations::DurationFamily;
use crate::lag::{LagOf, Lags};
use crate::member::{MemberOf, MemberSeries};
use crate::outbox::{OutboxFamilies, OutboxOf};
use crate::produced::{ProducedSeries, ProducedTo};
use crate::registry::{RegistryRequests, RegistrySeries};
use crate::topics::Topics;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry};
use std::sync::Arc;

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
/// | `rws_kafka_consumer_delayed_retries_total` | counter | `topic`, `group` |
/// | `rws_kafka_dead_letters_total` | counter | `topic`, `group` |
/// | `rws_kafka_messages_skipped_total` | counter | `topic`, `group` |
/// | `rws_kafka_handler_duration_ms` | histogram | `topic`, `group` |
/// | `rws_kafka_consumer_rebalances_total` | counter | `group`, `kind` (`assigned`, `revoked`, `lost`) |
/// | `rws_kafka_consumer_commits_total` | counter | `group` |
/// | `rws_kafka_consumer_commit_failures_total` | counter | `group` |
/// | `rws_kafka_consumer_queued_messages` | gauge | `group` |
/// | `rws_kafka_consumer_queued_bytes` | gauge | `group` |
/// | `rws_kafka_consumer_in_flight` | gauge | `group` |
/// | `rws_kafka_consumer_oldest_in_flight_seconds` | gauge | `group` |
/// | `rws_kafka_consumer_paused_partitions` | gauge | `group` |
/// | `rws_kafka_consumer_assigned_partitions` | gauge | `group` |
/// | `rws_kafka_producer_queued_messages` | gauge | `client` |
/// | `rws_kafka_producer_queued_bytes` | gauge | `client` |
/// | `rws_kafka_broker_round_trip_ms` | gauge | `client`, `broker` |
/// | `rws_kafka_broker_throttle_ms` | gauge | `client`, `broker` |
/// | `rws_kafka_schema_registry_requests_total` | counter | `outcome` (`ok`, `failed`) |
/// | `rws_kafka_schema_registry_cache_hits_total` | counter | |
/// | `rws_kafka_outbox_published_total` | counter | `schema` |
/// | `rws_kafka_outbox_refused_total` | counter | `schema` |
/// | `rws_kafka_outbox_parked_total` | counter | `schema` |
/// | `rws_kafka_outbox_backlog` | gauge | `schema` |
/// | `rws_kafka_outbox_oldest_age_seconds` | gauge | `schema` |
/// | `rws_kafka_outbox_publish_latency_ms` | histogram | `schema` |
/// | `rws_kafka_outbox_batch_size` | histogram | `schema` |
/// | `rws_kafka_outbox_shard_owner` | gauge | `schema`, `shard` |
///
/// `topic` is the one that a message was read from, a retry topic among them; in
/// `rws_kafka_dead_letters_total` and `rws_kafka_messages_skipped_total` the one that it came from first. The first 200
/// topics ([`Observer::limit_topics`](crate::Observer::limit_topics)) have a label of their own, those
/// after them share the topic `other`, their lag the partition `other`, too. What is not known is not
/// on the page. Gauges of clients are read from them at each scrape, and end with them.
///
/// Recorders are looked up by label once and kept: what runs per message only adds.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    produced: IntCounterVec,
    produce_errors: IntCounterVec,
    produce_latency: DurationFamily,
    consumed: IntCounterVec,
    consumer_errors: IntCounterVec,
    handler_duration: DurationFamily,
    lags: Arc<Lags>,
    retries: IntCounterVec,
    delayed_retries: IntCounterVec,
    dead_letters: IntCounterVec,
    skipped: IntCounterVec,
    rebalances: IntCounterVec,
    commits: IntCounterVec,
    commit_failures: IntCounterVec,
    registry_requests: IntCounterVec,
    registry_hits: IntCounterVec,
    outbox: OutboxFamilies,
    topics: Topics,
    is_on: bool,
}

impl Metrics {
    pub(crate) fn new(is_on: bool) -> Self {
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
            produce_latency: DurationFamily::new(
                "rws_kafka_produce_latency_ms",
                "Publish round-trip latency to broker",
                &["topic"],
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
            lags: Arc::default(),
            handler_duration: DurationFamily::new(
                "rws_kafka_handler_duration_ms",
                "Time that a handler takes for a message, or for a batch",
                &["group", "topic"],
            ),
            rebalances: counter(
                &registry,
                "rws_kafka_consumer_rebalances_total",
                "Partitions given, taken back or lost by the group",
                &["group", "kind"],
            ),
            commits: counter(
                &registry,
                "rws_kafka_consumer_commits_total",
                "Commits that the broker took",
                &["group"],
            ),
            commit_failures: counter(
                &registry,
                "rws_kafka_consumer_commit_failures_total",
                "Commits that failed and were to be tried again",
                &["group"],
            ),
            registry_requests: counter(
                &registry,
                "rws_kafka_schema_registry_requests_total",
                "Requests to schema registries",
                &["outcome"],
            ),
            registry_hits: counter(
                &registry,
                "rws_kafka_schema_registry_cache_hits_total",
                "Look-ups of schemas that the shared caches answered",
                &[],
            ),
            topics: Topics::new(),
            is_on,
            retries: counter(
                &registry,
                "rws_kafka_consumer_retries_total",
                "Failed messages that were to be handled again",
                &["topic", "group"],
            ),
            delayed_retries: counter(
                &registry,
                "rws_kafka_consumer_delayed_retries_total",
                "Failed messages published to a retry topic",
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
        let topic = &*self.topics.label(topic);
        ProducedTo {
            series: self.is_on.then(|| ProducedSeries {
                produced: self.produced.with_label_values(&[topic]),
                errors: self.produce_errors.with_label_values(&[topic]),
                latency: self.produce_latency.of(&[topic]),
            }),
        }
    }

    /// The recorder of what `group` consumes from `topic`.
    pub fn consumed_from(&self, topic: &str, group: &str) -> ConsumedFrom {
        let topic = &*self.topics.label(topic);
        ConsumedFrom {
            series: self.is_on.then(|| ConsumedSeries {
                consumed: self.consumed.with_label_values(&[topic, group]),
                errors: self.consumer_errors.with_label_values(&[topic, group]),
                retries: self.retries.with_label_values(&[topic, group]),
                delayed_retries: self.delayed_retries.with_label_values(&[topic, group]),
                dead_letters: self.dead_letters.with_label_values(&[topic, group]),
                skipped: self.skipped.with_label_values(&[topic, group]),
                durations: self.handler_duration.of(&[group, topic]),
            }),
        }
    }

    /// The recorder of a relay of the outbox in the database's `schema`.
    pub fn outbox_of(&self, schema: &str) -> OutboxOf {
        self.outbox.of(schema)
    }

    /// The recorder of what `group` does with its members in this process.
    pub fn member_of(&self, group: &str) -> MemberOf {
        let rebalances = |kind| self.rebalances.with_label_values(&[group, kind]);
        MemberOf {
            series: self.is_on.then(|| MemberSeries {
                assigned: rebalances("assigned"),
                revoked: rebalances("revoked"),
                lost: rebalances("lost"),
                commits: self.commits.with_label_values(&[group]),
                commit_failures: self.commit_failures.with_label_values(&[group]),
            }),
        }
    }

    /// The recorder of what schema registries are asked.
    pub fn registry_requests(&self) -> RegistryRequests {
        let requests = |outcome| self.registry_requests.with_label_values(&[outcome]);
        RegistryRequests {
            series: self.is_on.then(|| RegistrySeries {
                ok: requests("ok"),
                failed: requests("failed"),
                hits: self.registry_hits.with_label_values::<&str>(&[]),
            }),
        }
    }

    /// The lag of `group` on one partition; the series leaves the page when this is dropped.
    pub fn lag_of(&self, topic: &str, partition: i32, group: &str) -> LagOf {
        let label = self.topics.label(topic);
        self.lags.of(topic, &label, partition, group)
    }

    pub(crate) fn limit_topics(&self, topics: usize) {
        self.topics.limit(topics);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        let mut families = self.registry.gather();
        families.extend(self.lags.gather());
        families.extend(self.produce_latency.gather());
        families.extend(self.handler_duration.gather());
        families
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
