use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::causes;
use std::fmt;

/// Why a payload cannot be read as what was asked for. No retry helps, unless it
/// [is transient](Self::is_transient).
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// There is no payload.
    #[error("the message at {partition} offset {offset} has no payload (it is a tombstone)")]
    Tombstone {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
    },
    /// The payload is not text.
    #[error(
        "the payload at {partition} offset {offset} is not UTF-8: byte {position} begins no \
         character"
    )]
    NotUtf8 {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
        /// The first byte that is wrong, from 0.
        position: usize,
    },
    /// There is no key to decode.
    #[cfg(feature = "registry")]
    #[error("the message at {partition} offset {offset} has no key")]
    NoKey {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
    },
    /// The consumer knows no schema registry.
    #[cfg(feature = "registry")]
    #[error(
        "the message at {partition} offset {offset} needs a schema registry: give the consumer one by \
         with_registry"
    )]
    NoRegistry {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
    },
    /// The payload, or the key, is not of the type that was asked for, or its schema could not be had.
    #[cfg(feature = "schema")]
    #[error("cannot decode the message at {partition} offset {offset}")]
    Decode {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        source: Box<rws_kafka_schema::SchemaError>,
    },
}

impl PayloadError {
    /// Whether it says nothing of the message, so that a retry may help: the schema registry could not
    /// be asked.
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
