use super::batch_settings::BatchSettings;
use super::config::ConsumerConfig;
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::failure::breaker::CircuitBreaker;
use crate::failure::dead_letter::{DeadLetterHeaders, QueueName};
use crate::failure::policy::{Classify, DEFAULT_RETRIES, FailureHandling, FailurePolicy};
use crate::handler::hooks::Hooks;
use crate::retry::RetryTopics;
use rws_kafka_dispatch::Ordering;
use rws_kafka_producer::{KafkaProducer, check_topic_name};
use std::fmt;
use std::sync::Arc;

/// A Kafka consumer that is not started yet: the topics it reads and how it handles their messages.
///
/// Set it up in this order: a constructor, [`subscribe`](Self::subscribe), the settings that differ from the
/// defaults, and one of the `start` methods, which returns a [`ConsumerHandle`](crate::ConsumerHandle).
///
/// ```no_run
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let consumer = KafkaConsumer::from_env()?
///     .dead_letter_queue("orders.created.dlq")
///     .max_retries(3)
///     .retry_backoff_ms(1000)
///     .subscribe(["orders.created"])?;
/// let handle = consumer.start(|msg: ConsumerContext| {
///     println!("{}", msg.payload_str()?);
///     msg.commit()
/// });
/// // …
/// handle.stop().into_result()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a consumer does nothing until it is started"]
pub struct KafkaConsumer {
    pub(crate) config: ConsumerConfig,
    pub(crate) topics: Vec<String>,
    pub(crate) lanes: usize,
    pub(crate) ordering: Ordering,
    pub(crate) commit_on_ok: bool,
    pub(crate) batch: BatchSettings,
    pub(crate) hooks: Hooks,
    pub(crate) retry_backoff: Backoff,
    pub(crate) max_retries: Option<u32>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) dead_letter_queue: Option<QueueName>,
    pub(crate) dead_letter_headers: Option<DeadLetterHeaders>,
    pub(crate) dead_letter_producer: Option<KafkaProducer>,
    pub(crate) retry_topics: RetryTopics,
    /// The number of partitions of each topic that is created.
    pub(crate) create_topics: Option<i32>,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
    pub(super) on_failure: Option<FailurePolicy>,
    pub(super) classify: Option<Arc<Classify>>,
}

/// # Creating a consumer
impl KafkaConsumer {
    /// Creates a consumer from the settings of all layers; see [`ConsumerConfig::from_env`].
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::Config`] lists every invalid setting.
    /// - [`ConsumerError::NoGroup`] if no consumer group is set.
    pub fn from_env() -> Result<Self, ConsumerError> {
        Self::new(ConsumerConfig::from_env()?)
    }

    /// Creates a consumer from explicit settings.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoGroup`] if no consumer group is set.
    pub fn new(config: impl Into<ConsumerConfig>) -> Result<Self, ConsumerError> {
        let config = config.into();
        if config.kafka.consumer_group().is_none() {
            return Err(ConsumerError::NoGroup);
        }
        Ok(Self {
            config,
            topics: Vec::new(),
            lanes: 1,
            ordering: Ordering::default(),
            commit_on_ok: false,
            batch: BatchSettings::default(),
            hooks: Hooks::default(),
            retry_backoff: Backoff::default(),
            max_retries: None,
            breaker: None,
            dead_letter_queue: None,
            dead_letter_headers: None,
            dead_letter_producer: None,
            retry_topics: RetryTopics::default(),
            create_topics: None,
            #[cfg(feature = "registry")]
            registry: None,
            on_failure: None,
            classify: None,
        })
    }
}

/// # Subscribing
impl KafkaConsumer {
    /// Adds topics to read.
    ///
    /// A topic is a name, or a pattern that begins with `^`: a POSIX extended regular expression, matched
    /// against the names of all topics. A topic that was added before is not added again.
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::NoTopics`] if the list is empty.
    /// - [`ConsumerError::InvalidTopic`] if an entry is neither a valid topic name nor a pattern.
    pub fn subscribe<T: Into<String>>(
        mut self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConsumerError> {
        let topics: Vec<String> = topics.into_iter().map(Into::into).collect();
        if topics.is_empty() {
            return Err(ConsumerError::NoTopics);
        }
        for topic in &topics {
            if !is_pattern(topic) {
                check_topic_name(topic)?;
            }
        }
        for topic in topics {
            // librdkafka refuses a list that contains a topic twice.
            if !self.topics.contains(&topic) {
                self.topics.push(topic);
            }
        }
        Ok(self)
    }

    /// Creates missing topics, each with this number of partitions (at least 1) and the broker's defaults for
    /// everything else. Off by default.
    ///
    /// The topics are those that the worker subscribes to, and its [dead letter
    /// queue](Self::dead_letter_queue). Existing topics stay as they are, and a pattern creates nothing.
    ///
    /// The worker creates them in the background once it has started. It needs the permission to `Create`
    /// them. If the broker refuses, the log and [`status`](crate::ConsumerHandle::status) show the cause, and
    /// the worker tries again at intervals of up to 10 s. It handles the messages of existing topics
    /// meanwhile.
    ///
    /// Without this setting, the worker reports a missing topic by name, and readiness is degraded with
    /// `"kafka_consumer":"missing topic"`. It finds the topic within seconds of its creation.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .dead_letter_queue("orders.dlq")
    ///     .create_missing_topics(6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_missing_topics(mut self, partitions: u32) -> Self {
        self.create_topics = Some(i32::try_from(partitions).unwrap_or(i32::MAX));
        self
    }
}

impl KafkaConsumer {
    pub(crate) fn has_retry_topics(&self) -> bool {
        !self.retry_topics.delays.is_empty()
    }

    /// The policy that applies: the one that was set, or the default.
    pub(crate) fn policy(&self) -> FailurePolicy {
        self.on_failure.unwrap_or({
            if self.dead_letter_queue.is_some() {
                FailurePolicy::DeadLetter
            } else {
                FailurePolicy::Retry
            }
        })
    }

    pub(crate) fn failure_handling(&self) -> FailureHandling {
        FailureHandling {
            policy: self.policy(),
            max_retries: self.max_retries.unwrap_or(match self.has_retry_topics() {
                true => 0,
                false => DEFAULT_RETRIES,
            }),
            backoff: self.retry_backoff,
            classify: self.classify.clone(),
        }
    }
}

/// Returns `true` if `topic` is a pattern, which is matched against the names of all topics.
pub(crate) fn is_pattern(topic: &str) -> bool {
    topic.starts_with('^')
}

impl fmt::Debug for KafkaConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConsumer")
            .field("config", &self.config)
            .field("topics", &self.topics)
            .field("concurrency", &self.lanes)
            .field("ordering", &self.ordering)
            .field("commit_on_ok", &self.commit_on_ok)
            .field("batch", &self.batch)
            .field("hooks", &self.hooks)
            .field("failure", &self.failure_handling())
            .field("circuit_breaker", &self.breaker)
            .field("dead_letter_queue", &self.dead_letter_queue)
            .field("dead_letter_headers", &self.dead_letter_headers)
            .field("retry_topics", &self.retry_topics)
            .finish_non_exhaustive()
    }
}
