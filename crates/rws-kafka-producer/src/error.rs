use crate::connection::ConnectionCause;
use crate::topic::InvalidTopic;
use rws_kafka_config::ConfigError;
use std::time::Duration;

/// Why a message was not published, or a producer could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// The settings are wrong.
    #[error("the Kafka settings are wrong")]
    Config(#[from] ConfigError),

    /// librdkafka refused a property.
    #[error("librdkafka refused the settings: {detail}")]
    Property {
        /// librdkafka's words.
        detail: String,
    },

    /// The topic's name is not one that Kafka takes.
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),

    /// A header's name holds a NUL byte.
    #[error("a header for topic {topic:?} is named {name:?}; a header name cannot hold NUL")]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The header's name.
        name: String,
    },

    /// The queue stayed full for the whole of `max_block`.
    #[error(
        "the producer's queue is full: no room for a message to {topic:?} within {waited:?}{}",
        because(.cause)
    )]
    QueueFull {
        /// The topic.
        topic: String,
        /// How long `send` waited.
        waited: Duration,
        /// What keeps the queue from draining, when it is known.
        cause: Option<ConnectionCause>,
    },

    /// The message is larger than the producer or the broker takes.
    #[error("a message of {size} bytes is too large for topic {topic:?}: {limit}")]
    MessageTooLarge {
        /// The topic.
        topic: String,
        /// Bytes of key, payload and headers.
        size: usize,
        /// Which limit it broke.
        limit: String,
    },

    /// The topic does not exist and is not created by itself.
    #[error("topic {topic:?} does not exist on the broker")]
    UnknownTopic {
        /// The topic.
        topic: String,
    },

    /// The topic has no such partition.
    #[error("topic {topic:?} has no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition that was asked for.
        partition: i32,
    },

    /// The broker did not acknowledge the message in time.
    #[error("no acknowledgement from topic {topic:?} within {after:?}{}", because(.cause))]
    TimedOut {
        /// The topic.
        topic: String,
        /// The delivery timeout.
        after: Duration,
        /// Why, when it is known.
        cause: Option<ConnectionCause>,
    },

    /// The broker does not let this user write to the topic.
    #[error("not authorised to write to topic {topic:?}")]
    NotAuthorized {
        /// The topic.
        topic: String,
    },

    /// No broker answered.
    #[error("no broker answered within {within:?}{}", because(.cause))]
    Unreachable {
        /// How long was waited.
        within: Duration,
        /// Why, when it is known.
        cause: Option<ConnectionCause>,
    },

    /// The producer was closed with this message unacknowledged. It may or may not have arrived.
    #[error("the producer was closed before topic {topic:?} acknowledged the message")]
    Undelivered {
        /// The topic.
        topic: String,
    },

    /// The producer is closed.
    #[error("the producer is closed")]
    Closed,

    /// The producer failed for good: make a new one. So does one whose user may not write to any
    /// topic: it gets no producer id.
    #[error("the producer failed for good: {detail}")]
    Fatal {
        /// librdkafka's words.
        detail: String,
    },

    /// The broker refused the message for another reason.
    #[error("topic {topic:?} refused the message: {detail}")]
    Refused {
        /// The topic.
        topic: String,
        /// Kafka's error code and words.
        detail: String,
    },

    /// The value could not be made a payload.
    #[cfg(feature = "schema")]
    #[error("cannot encode the message for topic {topic:?}")]
    Encode {
        /// The topic.
        topic: String,
        /// What is wrong with the value.
        source: Box<rws_kafka_schema::SchemaError>,
    },

    /// `send_sync` was called in `on_delivery`, on the thread that serves all deliveries.
    #[error("send_sync to topic {topic:?} cannot wait in on_delivery: use send or send_async")]
    InCallback {
        /// The topic.
        topic: String,
    },

    /// A thread could not be started.
    #[error("cannot start the producer's thread: {detail}")]
    Thread {
        /// The system's words.
        detail: String,
    },
}

impl ProducerError {
    /// True when the same message may be accepted later.
    pub fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::QueueFull { .. }
                | Self::TimedOut { .. }
                | Self::Unreachable { .. }
                | Self::Undelivered { .. }
        )
    }

    /// True when this producer will not send again.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Closed | Self::Fatal { .. })
    }

    /// Why the brokers cannot be reached, when that is what went wrong and it is known.
    pub fn connection_cause(&self) -> Option<&ConnectionCause> {
        match self {
            Self::QueueFull { cause, .. }
            | Self::TimedOut { cause, .. }
            | Self::Unreachable { cause, .. } => cause.as_ref(),
            _ => None,
        }
    }
}

fn because(cause: &Option<ConnectionCause>) -> String {
    cause
        .as_ref()
        .map(|cause| format!("; {cause}"))
        .unwrap_or_default()
}
