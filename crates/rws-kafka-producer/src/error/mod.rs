mod invalid_topic;
mod step;

pub use invalid_topic::InvalidTopic;
pub use step::TransactionStep;

use rws_kafka_client::ConnectionCause;
use rws_kafka_config::ConfigError;
use rws_kafka_observe::causes;
use rws_kafka_observe::text::printable;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The timestamps that a record can have, in milliseconds since 1970.
pub(crate) const TIMESTAMPS_MS: RangeInclusive<i64> = 1..=253_402_300_799_999;

/// Why a message was not published, or a producer could not be made.
///
/// Its `Debug` is its `Display` followed by the causes, as `main` should print it.
#[derive(Clone, thiserror::Error)]
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

    /// Two settings contradict each other, or one is out of range.
    #[error("{setting} {problem}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },

    /// The topic's name is not one that Kafka takes.
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),

    /// A header's name holds a NUL byte.
    #[error(
        "a header for topic {topic:?} is named {}; a header name cannot hold NUL",
        printable(&format!("{name:?}"))
    )]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The header's name.
        name: String,
    },

    /// The record's timestamp is not one that can be sent; see
    /// [`Record::TIMESTAMPS_MS`](crate::Record::TIMESTAMPS_MS).
    #[error(
        "a record for topic {topic:?} has timestamp_ms {timestamp_ms}; allowed are {} to {}: \
         milliseconds since 1970, up to the year 9999",
        TIMESTAMPS_MS.start(),
        TIMESTAMPS_MS.end()
    )]
    InvalidTimestamp {
        /// The topic.
        topic: String,
        /// The timestamp.
        timestamp_ms: i64,
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

    /// The client inside the producer failed while it held this message, which may or may not have
    /// arrived. It is not sent again: that could duplicate it, or put it behind later ones. The
    /// producer replaces the client by itself.
    #[error(
        "the producer's client failed before topic {topic:?} acknowledged the message: {detail}"
    )]
    ClientFailed {
        /// The topic.
        topic: String,
        /// librdkafka's words, and the missing permission where that is the cause.
        detail: String,
    },

    /// The client inside the producer failed, and the producer is about to replace it, at first
    /// within a second or so, at last every 10 s to 15 s. Nothing is accepted until then.
    #[error("the producer's client failed and is being replaced: {detail}")]
    ClientReplaced {
        /// librdkafka's words, and the missing permission where that is the cause.
        detail: String,
    },

    /// The producer is closed.
    #[error("the producer is closed")]
    Closed,

    /// The client of a transactional producer failed for good. The producer creates another one for
    /// its next transaction.
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

    /// There is no schema registry to encode a value with.
    #[cfg(feature = "registry")]
    #[error(
        "a typed message for topic {topic:?} needs a schema registry: give one by with_registry"
    )]
    NoRegistry {
        /// The topic.
        topic: String,
    },

    /// `send_sync` was called in `on_delivery`, on the thread that serves all deliveries.
    #[error("send_sync to topic {topic:?} cannot wait in on_delivery: use send or send_async")]
    InCallback {
        /// The topic.
        topic: String,
    },

    /// Another transaction of this producer is still open.
    #[error("another transaction of {id:?} was still open after {waited:?}")]
    TransactionOpen {
        /// The transactional id.
        id: String,
        /// How long `begin` waited.
        waited: Duration,
    },

    /// A step of a transaction found no answer in time. It may be tried again.
    #[error("cannot {step} a transaction of {id:?} within {within:?}: {detail}{}", because(.cause))]
    TransactionTimedOut {
        /// The transactional id.
        id: String,
        /// What was asked for.
        step: TransactionStep,
        /// How long was waited.
        within: Duration,
        /// librdkafka's words.
        detail: String,
        /// Why, when it is known.
        cause: Option<ConnectionCause>,
    },

    /// The transaction could not be committed: none of its messages will be read.
    #[error("a transaction of {id:?} is aborted, at {step}: {detail}")]
    TransactionAborted {
        /// The transactional id.
        id: String,
        /// What was asked for.
        step: TransactionStep,
        /// librdkafka's words.
        detail: String,
        /// The first message of it that was not delivered, if that is the reason.
        source: Option<Box<ProducerError>>,
    },

    /// A message was not taken, as its transaction can only be aborted; the commit tells why.
    #[error("a message for topic {topic:?} was not taken: its transaction can only be aborted")]
    TransactionBroken {
        /// The topic.
        topic: String,
    },

    /// The broker did not answer the commit in time: the transaction may be committed or not. The
    /// producer's next transaction begins when that is settled, either way.
    #[error("the commit of a transaction of {id:?} was not answered within {within:?}: {detail}")]
    CommitUnknown {
        /// The transactional id.
        id: String,
        /// How long was waited.
        within: Duration,
        /// librdkafka's words.
        detail: String,
    },

    /// Another producer has taken over the transactional id: this one will not send again.
    #[error("another producer uses the transactional id {id:?}: {detail}")]
    Fenced {
        /// The transactional id.
        id: String,
        /// librdkafka's words.
        detail: String,
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
    ///
    /// Of an aborted transaction: when all of it may succeed in another one. Of a value that was not
    /// encoded: when it was the schema registry that could not be asked.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::TransactionAborted { source, .. } => {
                source.as_ref().is_none_or(|cause| cause.is_retriable())
            }
            #[cfg(feature = "schema")]
            Self::Encode { source, .. } => source.is_transient(),
            _ => matches!(
                self,
                Self::QueueFull { .. }
                    | Self::TimedOut { .. }
                    | Self::Unreachable { .. }
                    | Self::Undelivered { .. }
                    | Self::ClientFailed { .. }
                    | Self::ClientReplaced { .. }
                    | Self::TransactionOpen { .. }
                    | Self::TransactionTimedOut { .. }
            ),
        }
    }

    /// True when the transaction is lost: it is aborted already, or can only be aborted, which
    /// the drop of a [`Transaction`](crate::Transaction) does.
    pub fn must_abort(&self) -> bool {
        matches!(
            self,
            Self::TransactionAborted { .. } | Self::TransactionBroken { .. }
        )
    }

    /// True when this producer will not send again.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Fatal { .. } | Self::Fenced { .. }
        )
    }

    /// Why the brokers cannot be reached, when that is what went wrong and it is known.
    pub fn connection_cause(&self) -> Option<&ConnectionCause> {
        match self {
            Self::QueueFull { cause, .. }
            | Self::TimedOut { cause, .. }
            | Self::Unreachable { cause, .. }
            | Self::TransactionTimedOut { cause, .. } => cause.as_ref(),
            Self::TransactionAborted {
                source: Some(cause),
                ..
            } => cause.connection_cause(),
            _ => None,
        }
    }
}

impl fmt::Debug for ProducerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}

fn because(cause: &Option<ConnectionCause>) -> String {
    cause
        .as_ref()
        .map(|cause| format!("; {cause}"))
        .unwrap_or_default()
}
