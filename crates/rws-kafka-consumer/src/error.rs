use rws_kafka_config::ConfigError;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::causes;
use rws_kafka_observe::text::printable;
use rws_kafka_producer::{InvalidTopic, ProducerError};
use std::fmt;

#[cfg(test)]
mod tests;

/// Why a consumer could not be made, started, or had to end.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// The settings are wrong.
    #[error("the Kafka settings are wrong")]
    Config(#[from] ConfigError),

    /// No consumer group is set.
    #[error(
        "no consumer group is set: give RWS_CONFIG_KAFKA_CONSUMER_GROUP, consumer_group under \
         [kafka], or --kafka-consumer-group="
    )]
    NoGroup,

    /// librdkafka refused a property.
    #[error("librdkafka refused the settings: {detail}")]
    Property {
        /// librdkafka's words.
        detail: String,
    },

    /// There is nothing to subscribe to.
    #[error("the list of topics to subscribe to is empty")]
    NoTopics,

    /// A topic's name is not one that Kafka takes.
    #[error("cannot subscribe: {0}")]
    InvalidTopic(InvalidTopic),

    /// librdkafka refused the subscription, such as a pattern that is no regular expression.
    #[error("cannot subscribe to {topics:?}: {detail}")]
    Subscription {
        /// The topics asked for.
        topics: Vec<String>,
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

    /// A thread could not be started.
    #[error("cannot start the consumer's thread: {detail}")]
    Thread {
        /// The system's words.
        detail: String,
    },

    /// A broker refused to give messages, such as of a topic that does not exist, or what it gave
    /// cannot be read, such as for want of a codec; it is asked again.
    #[error("cannot fetch{}: {detail}", from_one_of(.partitions))]
    Fetch {
        /// The partitions that it may be about; empty where `detail` names the topic.
        partitions: Vec<TopicPartition>,
        /// Kafka's words, and what helps.
        detail: String,
    },

    /// The group did not take this member in, or refused what it asked for; it is asked again.
    #[error("cannot join the group {}: {detail}", printable(.group))]
    Group {
        /// The consumer group.
        group: String,
        /// Kafka's words, and what helps.
        detail: String,
    },

    /// Another member of the group has the same `group.instance.id`: another worker, or one that was
    /// killed and whose session has not ended.
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
        /// The id.
        instance_id: String,
    },

    /// Topics that are subscribed to do not exist. They are found within seconds once they are
    /// created.
    #[error(
        "subscribed topics do not exist (UnknownTopicOrPartition): {}; create them, or let the worker \
         do so (create_missing_topics)",
        topics.join(", ")
    )]
    MissingTopics {
        /// Their names.
        topics: Vec<String>,
    },

    /// A permission is missing. The worker goes on within seconds once it is granted.
    #[error(
        "not authorised: {cause}; nothing of it is consumed until that is granted (kafka-acls --add)"
    )]
    NotAuthorized {
        /// Who needs which operation on what.
        cause: String,
    },

    /// A new assignment could not be taken over.
    #[error("the rebalance failed: {detail}")]
    Rebalance {
        /// librdkafka's words.
        detail: String,
    },

    /// The broker did not take the offsets.
    #[error("the broker refused the offsets: {detail}")]
    CommitRefused {
        /// Kafka's words.
        detail: String,
    },

    /// The broker did not answer a commit in time.
    #[error("the broker did not confirm the commit in time")]
    CommitTimedOut,

    /// Messages before this one are unfinished, so that its offset cannot be committed.
    #[error("the offset of {partition} cannot be committed: messages before it are unfinished")]
    Unfinished {
        /// The partition.
        partition: TopicPartition,
    },

    /// The partition has gone to another consumer.
    #[error("{partition} no longer belongs to this consumer")]
    PartitionLost {
        /// The partition.
        partition: TopicPartition,
    },

    /// The producer for dead letters and retry topics could not be made.
    #[error("cannot publish dead letters and retries")]
    DeadLetterProducer(#[source] Box<ProducerError>),

    /// The producer of an exactly-once worker could not be made.
    #[error("cannot make the transactional producer")]
    TransactionalProducer(#[source] Box<ProducerError>),

    /// A transaction could not begin or be committed. Nothing of it is read by anyone; its messages
    /// are handled again.
    #[error("a transaction failed, and its messages are handled again")]
    Transaction(#[source] Box<ProducerError>),

    /// A transaction could not be committed as it was. Nothing of it is read by anyone; its messages
    /// are handled again, here or elsewhere.
    #[error("a transaction was aborted: {reason}")]
    TransactionGivenUp {
        /// Why.
        reason: &'static str,
    },

    /// Another producer has taken over the worker's transactional id.
    #[error("stopped, as its transactional id is in use elsewhere")]
    Fenced(#[source] Box<ProducerError>),

    /// The broker refused for good what a handler sent, and its transaction was aborted.
    #[error("stopped by a message that cannot be published; its transaction was aborted")]
    OutputRefused(#[source] Box<ProducerError>),

    /// The call has no meaning in an exactly-once worker, whose offsets are committed with what its
    /// handlers send.
    #[error(
        "{call} cannot be used in an exactly-once worker: offsets are committed with the outputs, \
         once the handler has returned"
    )]
    ExactlyOnce {
        /// The call.
        call: &'static str,
    },

    /// A dead letter was not taken; it is sent again, and its offset does not move before. A worker
    /// whose producer can never send it ends by this error instead.
    #[error("the dead letter of {partition} offset {offset} was not delivered")]
    DeadLetterRefused {
        /// The message's partition.
        partition: TopicPartition,
        /// The message's offset.
        offset: i64,
        /// Why.
        source: Box<ProducerError>,
    },

    /// A message that is put off was not taken by its retry topic; it is sent again, and its offset
    /// does not move before. A worker whose producer can never send it ends by this error instead.
    #[error("{partition} offset {offset} was not delivered to the retry topic {topic}")]
    RetryRefused {
        /// The message's partition.
        partition: TopicPartition,
        /// The message's offset.
        offset: i64,
        /// The retry topic.
        topic: String,
        /// Why.
        source: Box<ProducerError>,
    },

    /// A retry topic is missing and could not be created, or it cannot be known whether it is there;
    /// it is tried again. What is to be put off waits, but ends an exactly-once worker
    /// ([`OutputRefused`](Self::OutputRefused)).
    #[error("cannot create the retry topic {topic}: {detail}")]
    RetryTopicRefused {
        /// Its name.
        topic: String,
        /// The broker's words, and what helps.
        detail: String,
    },

    /// A topic is missing and could not be created; it is tried again.
    #[error("cannot create the topic {topic}: {detail}")]
    TopicRefused {
        /// Its name.
        topic: String,
        /// The broker's words, and what helps.
        detail: String,
    },

    /// A handler failed, and the worker was to stop then
    /// ([`FailurePolicy::Stop`](crate::FailurePolicy::Stop)).
    #[error(
        "stopped, as asked for, by the message at {partition} offset {offset}, which failed \
         {attempts} times: {reason}"
    )]
    Failed {
        /// The message's partition.
        partition: TopicPartition,
        /// The message's offset.
        offset: i64,
        /// How often it was handled.
        attempts: u32,
        /// The handler's error with its causes.
        reason: String,
    },

    /// Too many messages would have been given up
    /// ([`CircuitBreaker`](crate::CircuitBreaker)).
    #[error(
        "stopped by its circuit breaker ({breaker}); the last message, at {partition} offset \
         {offset}, was not given up: {reason}"
    )]
    CircuitOpen {
        /// What the breaker is set to.
        breaker: String,
        /// The last message's partition.
        partition: TopicPartition,
        /// The last message's offset.
        offset: i64,
        /// Its handler's error with its causes.
        reason: String,
    },

    /// The dead letter queue to be replayed does not exist.
    #[error("there is no dead letter queue {queue}")]
    NoSuchQueue {
        /// Its name.
        queue: String,
    },

    /// The dead letter queue to be replayed, or how far its group is, cannot be read.
    #[error("cannot read the dead letter queue {queue}: {detail}")]
    QueueUnreadable {
        /// Its name.
        queue: String,
        /// Kafka's words.
        detail: String,
    },

    /// The producer of a replay could not be made.
    #[error("cannot replay dead letters")]
    ReplayProducer(#[source] Box<ProducerError>),

    /// A letter could not be brought back, and the replay has ended: its topic did not acknowledge it in
    /// time, or the producer failed. The letter stays in the queue, and the next run begins with it. One that
    /// its topic never takes is [left](crate::LeftReason) instead.
    #[error("the letter at {partition} offset {offset} was not delivered to {topic}")]
    ReplayRefused {
        /// The letter's partition in the queue.
        partition: TopicPartition,
        /// Its offset there.
        offset: i64,
        /// The topic that it came from.
        topic: String,
        /// Why.
        source: Box<ProducerError>,
    },

    /// Another replay of the same group has begun, and this one has ended.
    #[error("stopped, as another replay of {queue} has begun with the group {group}")]
    ReplayTaken {
        /// The dead letter queue.
        queue: String,
        /// The group of both.
        group: String,
    },

    /// A worker that was asked to stop left work undone
    /// ([`StopReport::into_result`](crate::StopReport::into_result)).
    #[error("the worker stopped and left work undone, which is done again: {left}")]
    LeftUndone {
        /// What it left.
        left: String,
    },

    /// The consumer failed for good: start a new one.
    #[error("the consumer failed for good: {detail}")]
    Fatal {
        /// librdkafka's words, or which thread panicked.
        detail: String,
    },
}

impl ConsumerError {
    /// True when the same call may succeed later.
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

    /// True when this consumer will not handle messages any more.
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

/// Partitions that are named in an error.
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
