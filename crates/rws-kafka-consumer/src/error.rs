use rws_kafka_config::ConfigError;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::causes;
use rws_kafka_observe::text::printable;
use rws_kafka_producer::{InvalidTopic, ProducerError};
use std::fmt;

#[cfg(test)]
mod tests;

/// The error of a consumer that could not be created or started, or that had to end.
///
/// It is also the error of a commit ([`commit_sync`](crate::ConsumerContext::commit_sync)) and of a
/// [`Replay`](crate::Replay). Errors that the worker recovers from by itself appear in
/// [`ConsumerStatus::last_error`](crate::ConsumerStatus::last_error).
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// Settings are invalid; the source lists all of them.
    #[error("the Kafka settings are invalid")]
    Config(#[from] ConfigError),

    /// No consumer group is set.
    #[error(
        "no consumer group is set: set RWS_CONFIG_KAFKA_CONSUMER_GROUP, consumer_group under \
         [kafka], or --kafka-consumer-group="
    )]
    NoGroup,

    /// librdkafka refused a property.
    #[error("librdkafka refused the settings: {detail}")]
    Property {
        /// librdkafka's message.
        detail: String,
    },

    /// The list of topics to subscribe to is empty.
    #[error("the list of topics to subscribe to is empty")]
    NoTopics,

    /// A topic has an invalid name.
    #[error("cannot subscribe: {0}")]
    InvalidTopic(InvalidTopic),

    /// librdkafka refused the subscription, for example because a pattern is not a valid regular expression.
    #[error("cannot subscribe to {topics:?}: {detail}")]
    Subscription {
        /// The requested topics.
        topics: Vec<String>,
        /// librdkafka's message.
        detail: String,
    },

    /// A setting is out of range or contradicts another one.
    #[error("{setting} {problem}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What is invalid, and what is allowed.
        problem: String,
    },

    /// The system could not start a thread.
    #[error("cannot start the consumer's thread: {detail}")]
    Thread {
        /// The system's message.
        detail: String,
    },

    /// A broker refused to return messages, for example because the topic does not exist, or the returned
    /// messages cannot be read, for example because this build lacks the compression codec. The worker tries
    /// again.
    #[error("cannot fetch{}: {detail}", from_one_of(.partitions))]
    Fetch {
        /// The partitions that may be affected; empty if `detail` names the topic.
        partitions: Vec<TopicPartition>,
        /// Kafka's message, and what to do.
        detail: String,
    },

    /// The group refused this member or its request. The worker tries again.
    #[error("cannot join the group {}: {detail}", printable(.group))]
    Group {
        /// The consumer group.
        group: String,
        /// Kafka's message, and what to do.
        detail: String,
    },

    /// Another member of the group has the same `group.instance.id`: another worker, or one that was killed
    /// and whose session has not ended yet.
    #[error(
        "group.instance.id {:?} is in use by another member of the group {}: give each worker an id \
         of its own, or stop the other one; a worker that was killed holds its id until its session \
         ends (45 s by default: group.consumer.session.timeout.ms of the broker)",
        printable(.instance_id),
        printable(.group)
    )]
    InstanceIdInUse {
        /// The consumer group.
        group: String,
        /// The duplicate `group.instance.id`.
        instance_id: String,
    },

    /// Subscribed topics do not exist. The worker finds them within seconds of their creation.
    #[error(
        "subscribed topics do not exist (UnknownTopicOrPartition): {}; create them, or let the worker \
         do so (create_missing_topics)",
        topics.join(", ")
    )]
    MissingTopics {
        /// The names of the topics.
        topics: Vec<String>,
    },

    /// A permission is missing. The worker continues within seconds once it is granted.
    #[error(
        "not authorised: {cause}; the messages concerned are not consumed until it is granted \
         (kafka-acls --add)"
    )]
    NotAuthorized {
        /// The user, the operation and the resource.
        cause: String,
    },

    /// The worker could not take over a new assignment.
    #[error("the rebalance failed: {detail}")]
    Rebalance {
        /// librdkafka's message.
        detail: String,
    },

    /// The broker refused a commit.
    #[error("the broker refused the offsets: {detail}")]
    CommitRefused {
        /// Kafka's message.
        detail: String,
    },

    /// The broker did not answer a commit in time.
    #[error("the broker did not confirm the commit in time")]
    CommitTimedOut,

    /// The offset cannot be committed, because messages before it are unfinished.
    #[error("the offset of {partition} cannot be committed: messages before it are unfinished")]
    Unfinished {
        /// The partition of the message.
        partition: TopicPartition,
    },

    /// The partition belongs to another consumer.
    #[error("{partition} no longer belongs to this consumer")]
    PartitionLost {
        /// The lost partition.
        partition: TopicPartition,
    },

    /// The producer for dead letters and retry topics could not be created.
    #[error("cannot create the producer for dead letters and retry topics")]
    DeadLetterProducer(#[source] Box<ProducerError>),

    /// The producer of an exactly-once worker could not be created.
    #[error("cannot create the transactional producer")]
    TransactionalProducer(#[source] Box<ProducerError>),

    /// A transaction could not begin or be committed. Its outputs are not visible to `read_committed`
    /// consumers, and its messages are handled again.
    #[error("a transaction failed, and its messages are handled again")]
    Transaction(#[source] Box<ProducerError>),

    /// The worker aborted a transaction that it could not commit as it was. Its outputs are not visible to
    /// `read_committed` consumers, and its messages are handled again, by this worker or another one.
    #[error("a transaction was aborted: {reason}")]
    TransactionGivenUp {
        /// The cause.
        reason: &'static str,
    },

    /// Another producer uses the worker's transactional id. The worker has stopped.
    #[error("stopped because another producer uses its transactional id")]
    Fenced(#[source] Box<ProducerError>),

    /// The broker permanently refused a message that a handler sent. Its transaction was aborted, and the
    /// worker has stopped.
    #[error("stopped because a message cannot be published; its transaction was aborted")]
    OutputRefused(#[source] Box<ProducerError>),

    /// The call is not available in an exactly-once worker, which commits offsets together with the messages
    /// that its handlers send.
    #[error(
        "{call} cannot be used in an exactly-once worker: offsets are committed with the outputs, \
         once the handler has returned"
    )]
    ExactlyOnce {
        /// The name of the call.
        call: &'static str,
    },

    /// A dead letter was not delivered. It is sent again, and the offset of its message does not move before
    /// it is acknowledged.
    ///
    /// If the worker's producer can never send it, the worker ends with this error.
    #[error("the dead letter of {partition} offset {offset} was not delivered")]
    DeadLetterRefused {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The error of the producer.
        source: Box<ProducerError>,
    },

    /// A delayed message was not delivered to its retry topic. It is sent again, and its offset does not move
    /// before it is acknowledged.
    ///
    /// If the worker's producer can never send it, the worker ends with this error.
    #[error("{partition} offset {offset} was not delivered to the retry topic {topic}")]
    RetryRefused {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The retry topic.
        topic: String,
        /// The error of the producer.
        source: Box<ProducerError>,
    },

    /// A retry topic does not exist and could not be created, or the worker could not find out whether it
    /// exists. The worker tries again.
    ///
    /// Messages that are to be delayed wait until then. In an exactly-once worker they end the worker with
    /// [`OutputRefused`](Self::OutputRefused).
    #[error("cannot create the retry topic {topic}: {detail}")]
    RetryTopicRefused {
        /// The name of the retry topic.
        topic: String,
        /// The broker's message, and what to do.
        detail: String,
    },

    /// A topic does not exist and could not be created. The worker tries again.
    #[error("cannot create the topic {topic}: {detail}")]
    TopicRefused {
        /// The name of the topic.
        topic: String,
        /// The broker's message, and what to do.
        detail: String,
    },

    /// A handler failed, and the policy was to stop the worker
    /// ([`FailurePolicy::Stop`](crate::FailurePolicy::Stop)).
    #[error(
        "stopped by the failure policy: the message at {partition} offset {offset} failed \
         {attempts} times: {reason}"
    )]
    Failed {
        /// The partition of the message.
        partition: TopicPartition,
        /// The offset of the message.
        offset: i64,
        /// The number of attempts.
        attempts: u32,
        /// The handler's error with its causes.
        reason: String,
    },

    /// Too many messages would have been dead-lettered or skipped
    /// ([`CircuitBreaker`](crate::CircuitBreaker)). The worker has stopped.
    #[error(
        "stopped by its circuit breaker ({breaker}); the last message, at {partition} offset \
         {offset}, was not dead-lettered or skipped: {reason}"
    )]
    CircuitOpen {
        /// The limits of the breaker.
        breaker: String,
        /// The partition of the last message.
        partition: TopicPartition,
        /// The offset of the last message.
        offset: i64,
        /// The error of its handler with its causes.
        reason: String,
    },

    /// The dead letter queue of a replay does not exist.
    #[error("the dead letter queue {queue} does not exist")]
    NoSuchQueue {
        /// The name of the queue.
        queue: String,
    },

    /// A replay could not read the dead letter queue or the committed offsets of its group.
    #[error("cannot read the dead letter queue {queue}: {detail}")]
    QueueUnreadable {
        /// The name of the queue.
        queue: String,
        /// Kafka's message.
        detail: String,
    },

    /// The producer of a replay could not be created.
    #[error("cannot create the producer of the replay")]
    ReplayProducer(#[source] Box<ProducerError>),

    /// A dead letter could not be replayed, and the replay has ended: its topic did not acknowledge it in
    /// time, or the producer failed. The dead letter stays in the queue, and the next run begins with it.
    ///
    /// A dead letter that its topic permanently refuses does not end the replay; it is
    /// [left](crate::LeftReason).
    #[error("the dead letter at {partition} offset {offset} was not delivered to {topic}")]
    ReplayRefused {
        /// The dead letter's partition in the queue.
        partition: TopicPartition,
        /// The dead letter's offset in the queue.
        offset: i64,
        /// The topic that the dead letter's message came from.
        topic: String,
        /// The error of the producer.
        source: Box<ProducerError>,
    },

    /// Another replay of the same group has begun, and this one has ended.
    #[error("stopped because another replay of {queue} has begun with the group {group}")]
    ReplayTaken {
        /// The dead letter queue.
        queue: String,
        /// The group of both replays.
        group: String,
    },

    /// A worker that was asked to stop left work undone
    /// ([`StopReport::into_result`](crate::StopReport::into_result)).
    #[error("the worker stopped with work undone, which is done again later: {left}")]
    LeftUndone {
        /// The work that it left.
        left: String,
    },

    /// The consumer failed permanently. The service must start a new one.
    #[error("the consumer failed permanently: {detail}")]
    Fatal {
        /// librdkafka's message, or the name of the thread that panicked.
        detail: String,
    },
}

impl ConsumerError {
    /// Returns `true` if the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::CommitRefused { .. }
                | Self::CommitTimedOut
                | Self::Unfinished { .. }
                | Self::Transaction(_)
                | Self::TransactionGivenUp { .. }
                | Self::QueueUnreadable { .. }
        )
    }

    /// Returns `true` if the consumer will not handle any more messages.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Fatal { .. }
                | Self::InstanceIdInUse { .. }
                | Self::Failed { .. }
                | Self::CircuitOpen { .. }
                | Self::Fenced(_)
                | Self::OutputRefused(_)
                | Self::Setting { .. }
        )
    }
}

impl fmt::Debug for ConsumerError {
    /// Writes the error and the causes behind it, as `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}

impl From<InvalidTopic> for ConsumerError {
    fn from(error: InvalidTopic) -> Self {
        Self::InvalidTopic(error)
    }
}

/// The maximum number of partitions that an error names.
const MOST_NAMED: usize = 5;

fn from_one_of(partitions: &[TopicPartition]) -> String {
    let named: Vec<String> = partitions
        .iter()
        .take(MOST_NAMED)
        .map(|partition| printable(&partition.to_string()).into_owned())
        .collect();
    match (
        named.as_slice(),
        partitions.len().saturating_sub(MOST_NAMED),
    ) {
        ([], _) => String::new(),
        ([one], _) => format!(" from {one}"),
        (several, 0) => format!(" from one of {}", several.join(", ")),
        (several, more) => format!(" from one of {} and {more} more", several.join(", ")),
    }
}
