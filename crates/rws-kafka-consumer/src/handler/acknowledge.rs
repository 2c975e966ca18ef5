//! What a message that is handled needs of its worker.

use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::retry::Rung;
use rws_kafka_dispatch::StrandId;

/// The worker that a message is of, to whoever has the message in hand.
pub(crate) trait Acknowledge: Send + Sync {
    /// The group that it was consumed for.
    fn group(&self) -> &str;

    /// What `topic` is among the retry topics; none where there are none.
    fn rung(&self, topic: &str) -> Option<&Rung>;

    /// The consumer's schema registry.
    #[cfg(feature = "registry")]
    fn registry(&self) -> Option<&rws_kafka_schema::registry::SchemaRegistry>;

    /// Whether offsets are committed with what handlers send, so that handlers do not commit.
    fn carries_outputs(&self) -> bool;

    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] when the partition is another consumer's.
    fn check_owned(&self, partition: &Partition) -> Result<(), ConsumerError>;

    /// A handler, or what goes on with its message, has asked for a commit.
    fn asked_for_commit(&self);

    /// Waits until the broker has an offset past `offset`, all messages before which are finished.
    ///
    /// # Errors
    ///
    /// What the commit came to.
    fn commit_through(
        &self,
        partition: &Partition,
        sequence: u64,
        offset: i64,
    ) -> Result<(), ConsumerError>;

    /// Of the messages that a lane has in hand of `strand`, so many are not settled.
    fn holds(&self, strand: StrandId, messages: usize);
}
