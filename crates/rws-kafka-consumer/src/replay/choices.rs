//! How a letter is brought back.

/// Which partition of its topic a letter is brought back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayPartition {
    /// The one that its key chooses, as Kafka's Java clients do. The default.
    #[default]
    ByKey,
    /// The one that it came from.
    Original,
}

/// Which timestamp a letter is brought back with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayTimestamp {
    /// The time of the replay. The default: every topic takes it, and its retention counts from there.
    #[default]
    Now,
    /// The message's own, as the letter's header says it, for consumers that count by event time. The
    /// topic's retention counts by it, too, so that an old message may be deleted before it is read; and a
    /// topic may refuse it (`message.timestamp.before.max.ms`, `message.timestamp.after.max.ms`): such
    /// a letter is [left](crate::LeftReason::Refused). A letter without the header gets the time of the
    /// replay.
    Original,
}
