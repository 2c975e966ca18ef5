//! The choices of a replay.

/// The partition that a dead letter is published to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayPartition {
    /// The partition that its key chooses, as in Kafka's Java clients. The default.
    #[default]
    ByKey,
    /// The partition that its message came from.
    Original,
}

/// The timestamp that a dead letter is published with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayTimestamp {
    /// The time of the replay. The default. Every topic accepts it, and the topic's retention counts from it.
    #[default]
    Now,
    /// The timestamp of the original message, according to the dead letter's header, for consumers that use
    /// event time. A dead letter without that header gets the time of the replay.
    ///
    /// The topic's retention counts from this timestamp, so an old message may be deleted before it is read.
    /// A topic may also refuse it (`message.timestamp.before.max.ms`, `message.timestamp.after.max.ms`): such
    /// a dead letter is [left](crate::LeftReason::Refused).
    Original,
}
