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

/// The valid timestamps of a record, in milliseconds since 1970.
pub(crate) const TIMESTAMPS_MS: RangeInclusive<i64> = 1..=253_402_300_799_999;

/// The error of a producer: why a message was not sent, or why a producer could not be created.
///
/// `Debug` prints the `Display` text followed by the causes, so that an error returned from `main` is
/// readable.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// The settings are invalid.
    #[error("the Kafka settings are invalid")]
    Config(#[from] ConfigError),

    /// librdkafka refused a property.
    #[error("librdkafka refused the settings: {detail}")]
    Property {
        /// librdkafka's message.
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

    /// The topic's name is invalid.
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),

    /// A header's name contains a NUL byte.
    #[error(
        "a header for topic {topic:?} is named {}; a header name cannot contain NUL",
        printable(&format!("{name:?}"))
    )]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The header's name.
        name: String,
    },

    /// The record's timestamp is outside [`Record::TIMESTAMPS_MS`](crate::Record::TIMESTAMPS_MS).
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

    /// The queue stayed full for the whole of `max_block`. The message was not accepted.
    #[error(
        "the producer's queue is full: no room for a message to {topic:?} within {waited:?}{}",
        because(.cause)
    )]
    QueueFull {
        /// The topic.
        topic: String,
        /// How long `send` waited.
        waited: Duration,
        /// Why the queue does not empty, if it is known.
        cause: Option<ConnectionCause>,
    },

    /// The message is larger than the producer or the broker allows.
    #[error("a message of {size} bytes is too large for topic {topic:?}: {limit}")]
    MessageTooLarge {
        /// The topic.
        topic: String,
        /// The size of key, payload and headers, in bytes.
        size: usize,
        /// The limit that it exceeds.
        limit: String,
    },

    /// The topic does not exist, and the broker does not create it automatically.
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
        /// The requested partition.
        partition: i32,
    },

    /// The broker did not acknowledge the message in time.
    #[error("no acknowledgement from topic {topic:?} within {after:?}{}", because(.cause))]
    TimedOut {
        /// The topic.
        topic: String,
        /// The delivery timeout.
        after: Duration,
        /// The cause, if it is known.
        cause: Option<ConnectionCause>,
    },

    /// This user is not allowed to write to the topic.
    #[error("not authorised to write to topic {topic:?}")]
    NotAuthorized {
        /// The topic.
        topic: String,
    },

    /// No broker answered.
    #[error("no broker answered within {within:?}{}", because(.cause))]
    Unreachable {
        /// How long the producer waited.
        within: Duration,
        /// The cause, if it is known.
        cause: Option<ConnectionCause>,
    },

    /// The producer was closed before this message was acknowledged. The broker may or may not have stored
    /// it.
    #[error("the producer was closed before topic {topic:?} acknowledged the message")]
    Undelivered {
        /// The topic.
        topic: String,
    },

    /// The client inside the producer failed while it held this message, which the broker may or may not have
    /// stored.
    ///
    /// The producer replaces the client by itself, but does not send the message again: that could duplicate
    /// it, or put it after later messages.
    #[error(
        "the producer's client failed before topic {topic:?} acknowledged the message: {detail}"
    )]
    ClientFailed {
        /// The topic.
        topic: String,
        /// librdkafka's message, and the missing permission if that is the cause.
        detail: String,
    },

    /// The client inside the producer failed, and the producer is about to replace it: within about 1 s at
    /// first, and every 10 s to 15 s after repeated failures. It accepts no message until then.
    #[error("the producer's client failed and is being replaced: {detail}")]
    ClientReplaced {
        /// librdkafka's message, and the missing permission if that is the cause.
        detail: String,
    },

    /// The producer is closed.
    #[error("the producer is closed")]
    Closed,

    /// The client of a transactional producer failed permanently. The producer creates a new one for its next
    /// transaction.
    #[error("the producer failed permanently: {detail}")]
    Fatal {
        /// librdkafka's message.
        detail: String,
    },

    /// The broker refused the message for another cause.
    #[error("topic {topic:?} refused the message: {detail}")]
    Refused {
        /// The topic.
        topic: String,
        /// Kafka's error code and message.
        detail: String,
    },

    /// The value could not be encoded as a payload.
    #[cfg(feature = "schema")]
    #[error("cannot encode the message for topic {topic:?}")]
    Encode {
        /// The topic.
        topic: String,
        /// What is wrong with the value.
        source: Box<rws_kafka_schema::SchemaError>,
    },

    /// A typed value was sent without a schema registry.
    #[cfg(feature = "registry")]
    #[error(
        "a typed message for topic {topic:?} needs a schema registry: set one with with_registry"
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

    /// Another transaction of this producer stayed open for the whole of `max_block`.
    #[error("another transaction of {id:?} was still open after {waited:?}")]
    TransactionOpen {
        /// The transactional id.
        id: String,
        /// How long `begin` waited.
        waited: Duration,
    },

    /// The broker did not answer a step of a transaction in time. The step may be tried again.
    #[error("cannot {step} a transaction of {id:?} within {within:?}: {detail}{}", because(.cause))]
    TransactionTimedOut {
        /// The transactional id.
        id: String,
        /// The step that was requested.
        step: TransactionStep,
        /// How long the producer waited.
        within: Duration,
        /// librdkafka's message.
        detail: String,
        /// The cause, if it is known.
        cause: Option<ConnectionCause>,
    },

    /// The transaction was aborted: no consumer will see any of its messages.
    #[error("a transaction of {id:?} was aborted at step {step}: {detail}")]
    TransactionAborted {
        /// The transactional id.
        id: String,
        /// The step that was requested.
        step: TransactionStep,
        /// librdkafka's message.
        detail: String,
        /// The first message of the transaction that was not delivered, if that is the cause.
        source: Option<Box<ProducerError>>,
    },

    /// The message was not accepted because its transaction can only be aborted. The error of the commit has
    /// the cause.
    #[error("a message for topic {topic:?} was not accepted: its transaction can only be aborted")]
    TransactionBroken {
        /// The topic.
        topic: String,
    },

    /// The broker did not answer the commit in time: the transaction may or may not be committed. The next
    /// transaction begins only after the broker has ended this one, either way.
    #[error("the commit of a transaction of {id:?} was not answered within {within:?}: {detail}")]
    CommitUnknown {
        /// The transactional id.
        id: String,
        /// How long the producer waited.
        within: Duration,
        /// librdkafka's message.
        detail: String,
    },

    /// Another producer has taken over the transactional id. This one cannot send any more.
    #[error("another producer uses the transactional id {id:?}: {detail}")]
    Fenced {
        /// The transactional id.
        id: String,
        /// librdkafka's message.
        detail: String,
    },

    /// A thread could not be started.
    #[error("cannot start the producer's thread: {detail}")]
    Thread {
        /// The system's message.
        detail: String,
    },
}

impl ProducerError {
    /// Returns `true` if the same message may succeed later.
    ///
    /// For an aborted transaction: if the whole transaction may succeed when it is run again. For a value
    /// that could not be encoded: if the schema registry was unavailable.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let producer = rws_kafka_producer::KafkaProducer::from_env()?;
    /// match producer.send_sync("orders.created", r#"{"order_id": 1}"#) {
    ///     Ok(delivery) => println!("offset {}", delivery.offset),
    ///     Err(error) if error.is_retriable() => println!("try again later: {error}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
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

    /// Returns `true` if the transaction is lost: it is already aborted, or can only be aborted. Dropping the
    /// [`Transaction`](crate::Transaction) aborts it.
    pub fn must_abort(&self) -> bool {
        matches!(
            self,
            Self::TransactionAborted { .. } | Self::TransactionBroken { .. }
        )
    }

    /// Returns `true` if sending again is useless: the producer is closed or fenced, or the client of the
    /// open transaction has failed permanently ([`Fatal`](Self::Fatal)).
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Fatal { .. } | Self::Fenced { .. }
        )
    }

    /// Returns why the brokers are unreachable, if that is the cause and it is known.
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
