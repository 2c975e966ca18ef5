use std::fmt;

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStep {
    /// The first step of a producer, which aborts what an earlier producer left open.
    Initialise,
    /// Beginning a transaction.
    Begin,
    /// Adding the offsets of a consumer.
    SendOffsets,
    /// Committing, which makes the messages visible to consumers.
    Commit,
    /// Aborting, which discards the messages.
    Abort,
}

impl fmt::Display for TransactionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialise => "initialise",
            Self::Begin => "begin",
            Self::SendOffsets => "send offsets in",
            Self::Commit => "commit",
            Self::Abort => "abort",
        })
    }
}
