/// The timestamp of a message, in milliseconds since 1970, and who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// The producer.
    Create(i64),
    /// The broker, when it took the message.
    LogAppend(i64),
}

impl Timestamp {
    /// Milliseconds since 1970.
    #[inline]
    pub fn ms(self) -> i64 {
        match self {
            Self::Create(ms) | Self::LogAppend(ms) => ms,
        }
    }

    /// Its type by the name that Kafka's clients give it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Create(_) => "CreateTime",
            Self::LogAppend(_) => "LogAppendTime",
        }
    }
}
