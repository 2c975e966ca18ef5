use super::batch_settings::BatchSettings;
use super::config::ConsumerConfig;
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::failure::breaker::CircuitBreaker;
use crate::failure::class::ErrorClass;
use crate::failure::dead_letter::{DeadLetterHeaders, QueueName};
use crate::failure::policy::{Classify, DEFAULT_RETRIES, FailureHandling, FailurePolicy};
use crate::handler::error::HandlerError;
use crate::handler::hooks::{Assigned, Hooks, Revoked};
use crate::retry::RetryTopics;
use rws_kafka_dispatch::Ordering;
use rws_kafka_producer::{KafkaProducer, check_topic_name};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
    on_failure: Option<FailurePolicy>,
    classify: Option<Arc<Classify>>,
}

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

    /// Sets how many messages are handled at the same time, each on a thread of its own. Default 1; 1 to
    /// 4096.
    ///
    /// Messages that must keep their [`ordering`](Self::ordering) are still handled one after the other.
    pub fn concurrency(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets which messages keep their order. Default [`Ordering::Partition`].
    ///
    /// With every ordering, the committed offset never passes an unfinished message.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{KafkaConsumer, Ordering};
    ///
    /// // Up to 8 messages at the same time, but those with the same key in order.
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .concurrency(8)
    ///     .ordering(Ordering::Key);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.ordering = ordering;
        self
    }

    /// Commits the offset of each message whose handler returns `Ok`, as if the handler had called
    /// [`commit`](crate::ConsumerContext::commit). By default, only a call of `commit` does.
    ///
    /// For a batch, it commits all messages that have not [failed](crate::MessageBatch::fail).
    ///
    /// Do not use it with handlers that pass messages to other threads or tasks: their `Ok` does not mean
    /// that the message is handled. It changes nothing in an [exactly-once](Self::exactly_once) worker, which
    /// commits every message whose handler returns `Ok`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
    ///
    /// let worker = KafkaConsumer::from_env()?
    ///     .subscribe(["orders.created"])?
    ///     .commit_on_ok()
    ///     .start(|msg: ConsumerContext| {
    ///         println!("{}", msg.payload_str()?);
    ///         Ok(())
    ///     });
    /// worker.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit_on_ok(mut self) -> Self {
        self.commit_on_ok = true;
        self
    }

    /// Sets a hook that is called when partitions are assigned to this worker, before their first message is
    /// handled.
    ///
    /// The hook runs on the worker's poll thread, and the group's rebalance waits for it: it should take much
    /// less than `max.poll.interval.ms` (5 minutes). A panic in the hook is caught and logged.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .on_assign(|partitions| println!("assigned: {partitions:?}"))
    ///     .on_revoke(|partitions| println!("revoking: {partitions:?}"))
    ///     .subscribe(["events.v1"])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_assign<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Assigned) + Send + Sync + 'static,
    {
        self.hooks.on_assign = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called when partitions are revoked, by a rebalance or when the worker stops.
    ///
    /// The worker first waits for the messages in flight, for at most the
    /// [`drain_timeout`](ConsumerConfig::drain_timeout). Then it calls the hook, and then it commits. That
    /// commit includes every [`commit`](crate::ConsumerContext::commit) that the hook calls.
    ///
    /// The hook runs on the worker's poll thread, as [`on_assign`](Self::on_assign) does.
    pub fn on_revoke<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_revoke = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called when partitions were lost: the group gave them to other consumers without a
    /// revoke, for example after a session timeout. Their offsets can no longer be committed.
    ///
    /// Without this hook, [`on_revoke`](Self::on_revoke) is called instead. The hook runs on the worker's
    /// poll thread, as [`on_assign`](Self::on_assign) does.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .on_lost(|lost| println!("lost, no commit possible: {:?}", lost.partitions()))
    ///     .subscribe(["events.v1"])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_lost<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_lost = Some(Arc::new(hook));
        self
    }

    /// Sets the dead letter queue: the topic for messages that fail after [`max_retries`](Self::max_retries),
    /// or at once if the error is [permanent](crate::HandlerError::permanent). `{topic}` in the name stands
    /// for the topic that the message came from. By default there is none.
    ///
    /// The worker publishes the key, payload and headers of the message unchanged and adds
    /// [headers](DeadLetterHeaders) that contain its origin and the error. The record's timestamp is the time
    /// of publication, from which the queue's retention counts; a header contains the message's own
    /// timestamp. The key chooses the partition, so the queue may have any number of partitions.
    ///
    /// The offset of the message moves only after the broker has acknowledged the dead letter. Until then the
    /// worker sends it again, and the partition (or key) of the message waits.
    ///
    /// The queue must exist, unless the broker creates topics on first use or the worker
    /// [does](Self::create_missing_topics). A subscribed pattern must not match the queue. The worker detects
    /// that only when it is assigned partitions of both; it then stops.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders", "payments"])?
    ///     .dead_letter_queue("{topic}.dlq");
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letter_queue(mut self, topic: impl Into<String>) -> Self {
        self.dead_letter_queue = Some(QueueName::new(topic));
        self
    }

    /// Sets the names and the encoding of the headers that contain the origin of a dead letter. Default
    /// [`DeadLetterHeaders::Text`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{DeadLetterHeaders, KafkaConsumer};
    ///
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .dead_letter_queue("orders-dlt")
    ///     .dead_letter_headers(DeadLetterHeaders::Spring);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letter_headers(mut self, form: DeadLetterHeaders) -> Self {
        self.dead_letter_headers = Some(form);
        self
    }

    /// Sets the producer for dead letters and [`retry_topics`](Self::retry_topics), for example for a dead
    /// letter queue in another cluster. Retry topics must be in the cluster that the worker reads from.
    ///
    /// By default the worker creates a producer of its own. It has the settings of the layers and those
    /// [properties](ConsumerConfig::property) of the consumer that apply to every client, such as brokers and
    /// security. Its client id ends in `-dlq`, and readiness includes it. It sends messages of up to
    /// 1,000,000,000 bytes, unless the layers set `message.max.bytes`.
    ///
    /// The worker does not close the producer that you pass in. It stops if that producer has failed
    /// permanently.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::KafkaConsumer;
    /// use rws_kafka_producer::{KafkaProducer, ProducerConfig};
    ///
    /// let audit = KafkaProducer::new(ProducerConfig::new("audit-cluster:9092")?)?;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .dead_letter_queue("orders.dlq")
    ///     .dead_letter_producer(audit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letter_producer(mut self, producer: KafkaProducer) -> Self {
        self.dead_letter_producer = Some(producer);
        self
    }

    /// Sets the schema registry from which the worker reads the schemas of Avro, Protobuf and JSON Schema
    /// messages.
    #[cfg(feature = "registry")]
    pub fn with_registry(mut self, registry: rws_kafka_schema::registry::SchemaRegistry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Sets how often a failed message is retried before [`on_failure`](Self::on_failure) applies. Default 3.
    ///
    /// The setting requires something that follows the last retry: a
    /// [`dead_letter_queue`](Self::dead_letter_queue), [`FailurePolicy::Skip`] or [`FailurePolicy::Stop`], or
    /// [`retry_topics`](Self::retry_topics). With retry topics it is the number of retries in each topic
    /// before the message moves to the next one, and the default is 0.
    ///
    /// A [permanent](crate::HandlerError::permanent) error is not retried. The count starts again from 0 when
    /// the partition moves to another worker or the process restarts.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Sets how long the worker waits before it retries a failed message. Default: 100 ms, doubling up to 30
    /// s, with a jitter of 0.2.
    ///
    /// No thread is blocked during the wait. Other partitions continue, and with [`Ordering::Key`] other
    /// keys.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{Backoff, KafkaConsumer};
    /// use std::time::Duration;
    ///
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .retry_backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).jitter(0.5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry_backoff(mut self, backoff: Backoff) -> Self {
        self.retry_backoff = backoff;
        self
    }

    /// Sets a fixed [`retry_backoff`](Self::retry_backoff) of this many milliseconds.
    pub fn retry_backoff_ms(self, ms: u64) -> Self {
        self.retry_backoff(Backoff::fixed(Duration::from_millis(ms)))
    }

    /// Sets what happens to a message that failed after its last retry or with a permanent error.
    ///
    /// Default [`FailurePolicy::DeadLetter`] with a [`dead_letter_queue`](Self::dead_letter_queue), otherwise
    /// [`FailurePolicy::Retry`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{FailurePolicy, KafkaConsumer};
    ///
    /// // Tries each message up to 6 times, then skips it.
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["page.views"])?
    ///     .max_retries(5)
    ///     .on_failure(FailurePolicy::Skip);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.on_failure = Some(policy);
        self
    }

    /// Sets a function that classifies the errors of handlers, instead of
    /// [`HandlerError::class`](crate::HandlerError::class).
    ///
    /// If the function panics, the panic is logged and [`HandlerError::class`](crate::HandlerError::class)
    /// applies.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{ErrorClass, KafkaConsumer};
    /// use std::num::ParseIntError;
    ///
    /// let consumer = KafkaConsumer::from_env()?
    ///     .dead_letter_queue("orders.dlq")
    ///     .classify_errors(|error| match error.downcast_ref::<ParseIntError>() {
    ///         Some(_) => ErrorClass::Permanent,
    ///         None => error.class(),
    ///     });
    /// # Ok(())
    /// # }
    /// ```
    pub fn classify_errors<F>(mut self, classify: F) -> Self
    where
        F: Fn(&HandlerError) -> ErrorClass + Send + Sync + 'static,
    {
        self.classify = Some(Arc::new(classify));
        self
    }

    /// Stops the worker when too many messages would be dead-lettered or skipped. Off by default.
    ///
    /// The worker then ends with [`ConsumerError::CircuitOpen`], and readiness is degraded. The message that
    /// was one too many keeps its offset: the next run handles it again.
    ///
    /// It requires a [`dead_letter_queue`](Self::dead_letter_queue) or [`FailurePolicy::Skip`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{CircuitBreaker, KafkaConsumer};
    ///
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .dead_letter_queue("orders.dlq")
    ///     .circuit_breaker(CircuitBreaker::consecutive(20));
    /// # Ok(())
    /// # }
    /// ```
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

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
