use crate::topic_partition::TopicPartition;

/// Why a payload cannot be read as what was asked for. No retry helps.
#[derive(Clone, Debug, thiserror::Error)]
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
    /// The payload is not of the type that was asked for.
    #[cfg(feature = "json")]
    #[error("cannot decode the payload at {partition} offset {offset}")]
    Decode {
        /// Where it stands.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        source: rws_kafka_schema::SchemaError,
    },
}
