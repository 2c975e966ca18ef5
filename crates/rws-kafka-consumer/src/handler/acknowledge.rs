//! What the context of a message needs from its worker.

use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::retry::Rung;
use rws_kafka_dispatch::StrandId;

/// The worker, as the contexts of its messages see it.
pub(crate) trait Acknowledge: Send + Sync {
    /// The consumer group.
    fn group(&self) -> &str;

    /// The place of `topic` among the retry topics; `None` if there are no retry topics.
    fn rung(&self, topic: &str) -> Option<&Rung>;

    /// The consumer's schema registry.
    #[cfg(feature = "registry")]
    fn registry(&self) -> Option<&rws_kafka_schema::registry::SchemaRegistry>;

    /// Returns `true` if offsets are committed together with the outputs of handlers, so that handlers do not
    /// commit.
    fn carries_outputs(&self) -> bool;

    /// Checks that the partition still belongs to this worker.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] if the partition belongs to another consumer.
    fn check_owned(&self, partition: &Partition) -> Result<(), ConsumerError>;

    /// Records that a handler, or code that continues with its message, asked for a commit.
    fn asked_for_commit(&self);

    /// Waits until the broker has committed an offset past `offset`. All messages before it are finished.
    ///
    /// # Errors
    ///
    /// The error of the commit.
    fn commit_through(
        &self,
        partition: &Partition,
        sequence: u64,
        offset: i64,
    ) -> Result<(), ConsumerError>;

    /// Records how many messages of `strand` are in flight in this lane.
    fn holds(&self, strand: StrandId, messages: usize);
}
