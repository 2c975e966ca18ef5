use crate::consumed::{self, ConsumedFrom};
use crate::lag::{LagOf, Lags};
use crate::member::{self, MemberOf};
use crate::outbox::{self, OutboxOf};
use crate::produced::{self, ProducedTo};
use crate::registry::{self, RegistryRequests};
use crate::topics::Topics;
use prometheus::proto::MetricFamily;
use std::sync::Arc;

/// The metric families and their recorders. [`families`](crate::families) lists the families.
///
#[doc = include_str!("../metrics.md")]
///
/// `topic` is the topic that a message was read from, which may be a retry topic. In
/// `rws_kafka_dead_letters_total` and `rws_kafka_messages_skipped_total` it is the message's original
/// topic. The first 200 topics ([`Observer::limit_topics`](crate::Observer::limit_topics)) have a label
/// of their own. Topics after them share the topic `other`, and their lag also the partition `other`.
/// Unknown values are not on the page. Clients' gauges are read at each scrape and disappear with the
/// client.
///
/// Look a recorder up once and keep it: the lookup takes a lock, recording only adds to a number.
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

    /// Returns the recorder of messages that are published to `topic`.
    pub fn produced_to(&self, topic: &str) -> ProducedTo {
        let topic = self.topics.label(topic);
        self.produced.of(&[&topic], self.is_on)
    }

    /// Returns the recorder of messages that `group` consumes from `topic`.
    pub fn consumed_from(&self, topic: &str, group: &str) -> ConsumedFrom {
        let topic = self.topics.label(topic);
        self.consumed.of(&[&topic, group], self.is_on)
    }

    /// Returns the recorder of the relays of the outbox in the database's `schema`.
    pub fn outbox_of(&self, schema: &str) -> OutboxOf {
        // Always on, because the status reads it too.
        self.outbox.of(&[schema], true)
    }

    /// Returns the recorder of the rebalances and commits of `group` in this process.
    pub fn member_of(&self, group: &str) -> MemberOf {
        self.member.of(&[group], self.is_on)
    }

    /// Returns the recorder of requests to schema registries.
    pub fn registry_requests(&self) -> RegistryRequests {
        self.registry.of(&[], self.is_on)
    }

    /// Returns the lag of `group` on one partition. Dropping it removes the series from the page.
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
