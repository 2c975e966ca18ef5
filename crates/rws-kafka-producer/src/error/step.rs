use std::fmt;

/// A step in the life of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStep {
    /// The first of a producer: what an earlier one left open is ended.
    Initialise,
    /// A transaction begins.
    Begin,
    /// Offsets of a consumer are added.
    SendOffsets,
    /// Its messages become readable.
    Commit,
    /// Its messages are given up.
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
