use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::causes;
use std::fmt;

/// The error of a payload or key that cannot be read as the requested type.
///
/// It is permanent, so the message is not retried, unless it [is transient](Self::is_transient).
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The message has no payload.
    #[error("the message at {partition} offset {offset} has no payload (it is a tombstone)")]
    Tombstone {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
    },
    /// The payload is not valid UTF-8.
    #[error(
        "the payload at {partition} offset {offset} is not valid UTF-8: invalid byte at index \
         {position}"
    )]
    NotUtf8 {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The index of the first invalid byte, from 0.
        position: usize,
    },
    /// The message has no key to decode.
    #[cfg(feature = "registry")]
    #[error("the message at {partition} offset {offset} has no key")]
    NoKey {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
    },
    /// The consumer has no schema registry.
    #[cfg(feature = "registry")]
    #[error(
        "the message at {partition} offset {offset} needs a schema registry: set one with \
         with_registry"
    )]
    NoRegistry {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
    },
    /// The payload or key does not match the requested type, or its schema could not be read.
    #[cfg(feature = "schema")]
    #[error("cannot decode the message at {partition} offset {offset}")]
    Decode {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The cause.
        source: Box<rws_kafka_schema::SchemaError>,
    },
}

impl PayloadError {
    /// Returns `true` if the error is not the message's fault, so that a retry may succeed: the schema
    /// registry is unavailable or not set.
    pub fn is_transient(&self) -> bool {
        match self {
            #[cfg(feature = "schema")]
            Self::Decode { source, .. } => source.is_transient(),
            #[cfg(feature = "registry")]
            Self::NoRegistry { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Debug for PayloadError {
    /// Writes the error and the causes behind it, as `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
