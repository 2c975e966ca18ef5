//! The events of librdkafka, as a port that the worker implements.

use super::refusals::Refusal;
use crate::error::ConsumerError;
use crate::handler::hooks::AssignedPartition;
use rws_kafka_client::Connection;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::BrokerStatus;
use std::time::Duration;

/// Receives the events of librdkafka's callbacks, most of them on the poll thread.
pub(crate) trait GroupEvents: Send + Sync {
    /// The name of the group, for messages.
    fn group(&self) -> &str;

    fn connection(&self) -> &Connection;

    /// Reports the brokers in librdkafka's statistics.
    fn note_brokers(&self, brokers: Vec<BrokerStatus>);

    /// The group assigned these partitions, in addition to the present ones.
    fn assign(&self, assigned: Vec<AssignedPartition>);

    /// The group revokes these partitions. Returns when their messages in flight are finished and committed,
    /// or when the drain timeout is over.
    fn revoke(&self, partitions: &[TopicPartition]);

    /// These partitions belong to other consumers already.
    fn lose(&self, partitions: &[TopicPartition]);

    /// The rebalance is over.
    fn settle(&self);

    /// Returns `true` if the committed offsets of assigned partitions are needed.
    fn wants_committed(&self) -> bool;

    /// Returns `true` if this member has the partition.
    fn is_assigned(&self, topic: &str, partition: i32) -> bool;

    /// Returns `true` if `topic` is a retry topic of this worker.
    fn is_retry(&self, topic: &str) -> bool;

    /// A partition was read up to `position`, and librdkafka holds none of its messages.
    fn note_read(&self, topic: &str, partition: i32, position: i64);

    /// The end of a partition's log was truncated.
    fn note_cut_off(&self, topic: &str, partition: i32);

    /// Reports the topic of each fetched partition, and whether its last fetch was refused. The iterator
    /// calls [`is_assigned`](Self::is_assigned).
    fn note_fetches(&self, fetches: &mut dyn Iterator<Item = (&str, bool)>);

    /// A broker refused a fetch or a commit.
    fn refused(&self, refusal: Refusal);

    /// An error after which the client tries again.
    fn note_error(&self, error: ConsumerError);

    /// An error that ends the worker.
    fn fail(&self, error: ConsumerError);

    /// Waits for `pause`, or until the worker is to stop. The worker counts as alive meanwhile.
    fn wait(&self, pause: Duration);

    /// Returns `true` if the worker is to stop.
    fn is_to_stop(&self) -> bool;
}
