/// The timestamp of a message, in milliseconds since 1970, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// Set by the producer.
    Create(i64),
    /// Set by the broker when it appended the message to the log.
    LogAppend(i64),
}

impl Timestamp {
    /// Returns the milliseconds since 1970.
    #[inline]
    pub fn ms(self) -> i64 {
        match self {
            Self::Create(ms) | Self::LogAppend(ms) => ms,
        }
    }

    /// Returns the name of its type, as in Kafka's clients.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Create(_) => "CreateTime",
            Self::LogAppend(_) => "LogAppendTime",
        }
    }
}
