//! What librdkafka tells a worker: the port that the worker implements.

use super::refusals::Refusal;
use crate::error::ConsumerError;
use crate::handler::hooks::AssignedPartition;
use rws_kafka_client::Connection;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::BrokerStatus;
use std::time::Duration;

/// What librdkafka's callbacks report to; most of it on the poll thread.
pub(crate) trait GroupEvents: Send + Sync {
    /// The group's name, for messages.
    fn group(&self) -> &str;

    fn connection(&self) -> &Connection;

    /// What librdkafka's statistics say of the brokers.
    fn note_brokers(&self, brokers: Vec<BrokerStatus>);

    /// The group gives this member these in addition to what it has.
    fn assign(&self, assigned: Vec<AssignedPartition>);

    /// The group takes these back: returns when what is in hand of them is finished and committed, or
    /// may not be waited for any longer.
    fn revoke(&self, partitions: &[TopicPartition]);

    /// These have gone to others already.
    fn lose(&self, partitions: &[TopicPartition]);

    /// The group has nothing more to give or take for now.
    fn settle(&self);

    /// Whether someone wants to know the committed offsets of what is assigned.
    fn wants_committed(&self) -> bool;

    /// Whether this member has the partition.
    fn is_assigned(&self, topic: &str, partition: i32) -> bool;

    /// Whether `topic` is a retry topic of this worker.
    fn is_retry(&self, topic: &str) -> bool;

    /// A partition is read up to `position`, and nothing of it is at hand.
    fn note_read(&self, topic: &str, partition: i32, position: i64);

    /// The end of a partition's log was cut off.
    fn note_cut_off(&self, topic: &str, partition: i32);

    /// The topic of each partition that is fetched, and whether its last fetch was refused. The iterator
    /// asks [`is_assigned`](Self::is_assigned).
    fn note_fetches(&self, fetches: &mut dyn Iterator<Item = (&str, bool)>);

    /// A broker refused to give messages, or to take offsets.
    fn refused(&self, refusal: Refusal);

    /// Something failed that is tried again.
    fn note_error(&self, error: ConsumerError);

    /// Something failed that ends the worker.
    fn fail(&self, error: ConsumerError);

    /// Waits for `pause`, less when the worker is to stop; it counts as alive meanwhile.
    fn wait(&self, pause: Duration);

    /// Whether the worker is to stop.
    fn is_to_stop(&self) -> bool;
}
