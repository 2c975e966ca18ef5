use crate::consumed::{self, ConsumedFrom};
use crate::lag::{LagOf, Lags};
use crate::member::{self, MemberOf};
use crate::outbox::{self, OutboxOf};
use crate::produced::{self, ProducedTo};
use crate::registry::{self, RegistryRequests};
use crate::topics::Topics;
use prometheus::proto::MetricFamily;
use std::sync::Arc;

/// The metric families, which [`families`](crate::families) lists.
///
#[doc = include_str!("../metrics.md")]
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
    produced: produced::Families,
    pub(crate) consumed: consumed::Families,
    member: member::Families,
    registry: registry::Families,
    pub(crate) outbox: outbox::Families,
    lags: Arc<Lags>,
    topics: Topics,
    is_on: bool,
}

impl Metrics {
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            produced: produced::Families::new(),
            consumed: consumed::Families::new(),
            member: member::Families::new(),
            registry: registry::Families::new(),
            outbox: outbox::Families::new(),
            lags: Arc::default(),
            topics: Topics::new(),
            is_on,
        }
    }

    /// Returns the recorder of what is published to `topic`.
    pub fn produced_to(&self, topic: &str) -> ProducedTo {
        let topic = self.topics.label(topic);
        self.produced.of(&[&topic], self.is_on)
    }

    /// Returns the recorder of what `group` consumes from `topic`.
    pub fn consumed_from(&self, topic: &str, group: &str) -> ConsumedFrom {
        let topic = self.topics.label(topic);
        self.consumed.of(&[&topic, group], self.is_on)
    }

    /// Returns the recorder of a relay of the outbox in the database's `schema`.
    pub fn outbox_of(&self, schema: &str) -> OutboxOf {
        // The status is read from it, and is there without metrics, too.
        self.outbox.of(&[schema], true)
    }

    /// Returns the recorder of what `group` does with its members in this process.
    pub fn member_of(&self, group: &str) -> MemberOf {
        self.member.of(&[group], self.is_on)
    }

    /// Returns the recorder of what schema registries are asked.
    pub fn registry_requests(&self) -> RegistryRequests {
        self.registry.of(&[], self.is_on)
    }

    /// Returns the lag of `group` on one partition; the series leaves the page when it is dropped.
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
        let mut families = self.produced.gather();
        families.extend(self.consumed.gather());
        families.extend(self.lags.gather());
        families.extend(self.member.gather());
        families.extend(self.registry.gather());
        families.extend(self.outbox.gather());
        families
    }
}
