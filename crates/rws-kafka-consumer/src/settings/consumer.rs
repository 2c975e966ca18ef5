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

/// A worker in the making: what it reads, and how.
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
    /// With so many partitions.
    pub(crate) create_topics: Option<i32>,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
    on_failure: Option<FailurePolicy>,
    classify: Option<Arc<Classify>>,
}

impl KafkaConsumer {
    /// A consumer with the settings of all layers; see [`ConsumerConfig::from_env`].
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] lists every setting that is wrong; [`ConsumerError::NoGroup`].
    pub fn from_env() -> Result<Self, ConsumerError> {
        Self::new(ConsumerConfig::from_env()?)
    }

    /// A consumer with explicit settings.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoGroup`] when no consumer group is set.
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

    /// Adds topics to read: names, or patterns that begin with `^` (POSIX extended regular
    /// expressions, matched against the names of all topics). What is there already is not added again.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoTopics`] for an empty list, [`ConsumerError::InvalidTopic`] for what is
    /// neither a topic's name nor a pattern.
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
            // librdkafka refuses a list that names one twice.
            if !self.topics.contains(&topic) {
                self.topics.push(topic);
            }
        }
        Ok(self)
    }

    /// Creates the topics that the worker subscribes to, and its
    /// [dead letter queue](Self::dead_letter_queue), where they are missing: with so many partitions
    /// and the broker's defaults for the rest. At least 1 partition. Off unless called.
    ///
    /// Happens in the background once the worker starts, and needs the permission to `Create` them.
    /// Where that is refused, the log and [`status`](crate::ConsumerHandle::status) say so, and it is
    /// tried again at intervals of up to 10 s; the worker runs all the same. Topics that exist are
    /// left as they are, and a pattern creates nothing.
    ///
    /// Without it, a topic that does not exist is reported by name and found within seconds once it is
    /// created; until then readiness is degraded with `"kafka_consumer":"missing topic"`.
    pub fn create_missing_topics(mut self, partitions: u32) -> Self {
        self.create_topics = Some(i32::try_from(partitions).unwrap_or(i32::MAX));
        self
    }

    /// How many messages are handled at a time, each on a thread of its own. Default 1; at least 1.
    ///
    /// What the [`ordering`](Self::ordering) puts in a row is handled one after the other all the
    /// same.
    pub fn concurrency(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Which messages keep their order. Default [`Ordering::Partition`]. Offsets are committed
    /// exactly under each of them: never past an unfinished message.
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.ordering = ordering;
        self
    }

    /// Commits the offset of each message whose handler returns `Ok`, as if the handler had called
    /// [`commit`](crate::ConsumerContext::commit). Default: only a call of `commit` does.
    ///
    /// Of a batch, all messages are committed that have not [failed](crate::MessageBatch::fail). Not
    /// for handlers that hand messages to other threads or tasks: their `Ok` says nothing about what
    /// becomes of the message. Changes nothing in an [exactly-once](Self::exactly_once) worker, which
    /// commits what its handlers return `Ok` for anyway.
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

    /// Called when partitions have come to this worker, before the first message of them.
    ///
    /// Runs on the worker's poll thread, and the group's rebalance waits for it: keep it well below
    /// `max.poll.interval.ms` (5 minutes). A panic in it is caught and logged.
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

    /// Called before partitions go, in a rebalance and at a stop: when the messages in hand are
    /// finished, or the [`drain_timeout`](ConsumerConfig::drain_timeout) is over, and before the
    /// last commit. A [`commit`](crate::ConsumerContext::commit) made in it takes part in that.
    ///
    /// Runs on the worker's poll thread, as [`on_assign`](Self::on_assign) does.
    pub fn on_revoke<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_revoke = Some(Arc::new(hook));
        self
    }

    /// Called when partitions have gone to others without a word, as after a session timeout:
    /// nothing of them can be committed any more. Without it,
    /// [`on_revoke`](Self::on_revoke) is called.
    ///
    /// Runs on the worker's poll thread, as [`on_assign`](Self::on_assign) does.
    pub fn on_lost<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_lost = Some(Arc::new(hook));
        self
    }

    /// The topic for messages that are given up: after [`max_retries`](Self::max_retries), or at
    /// once when no retry helps. `{topic}` in it stands for the topic that a message came from.
    ///
    /// A message goes there with key, payload and headers as it came and with
    /// [headers](DeadLetterHeaders) that say where it came from and why. The record has the time at which
    /// it is published, from which the topic's retention counts; the message's own is in a header. Its key
    /// chooses the partition, so the topic may have any number of them. Its offset moves only when the broker
    /// has acknowledged the letter; while it cannot be published, it is sent again, and its
    /// partition or key waits.
    ///
    /// The topic must be there, or be made by the broker when it is first written to. A pattern
    /// that is subscribed to must not match it: that shows only once a worker is given partitions of
    /// both, at which it stops.
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

    /// The form of the headers that say where a dead letter came from. Default
    /// [`DeadLetterHeaders::Text`].
    pub fn dead_letter_headers(mut self, form: DeadLetterHeaders) -> Self {
        self.dead_letter_headers = Some(form);
        self
    }

    /// The producer for dead letters, for a queue in another cluster or with other settings, and for
    /// [`retry_topics`](Self::retry_topics), which must be in the cluster that the worker reads.
    ///
    /// By default the worker makes one of its own, with the settings of the layers, those of the
    /// consumer's [properties](ConsumerConfig::property) that every client has (brokers, security and the
    /// like), and a client id that ends in `-dlq`; readiness then depends on it, too. It takes messages
    /// of up to 1,000,000,000 bytes, unless the layers set `message.max.bytes`. The worker does not close
    /// a producer that it is given, and stops when that has failed for good.
    pub fn dead_letter_producer(mut self, producer: KafkaProducer) -> Self {
        self.dead_letter_producer = Some(producer);
        self
    }

    /// The schema registry that gives the schemas of messages in Avro, Protobuf and JSON Schema.
    #[cfg(feature = "registry")]
    pub fn with_registry(mut self, registry: rws_kafka_schema::registry::SchemaRegistry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// How often a failed message is handled again before it is given up. Default 3, where
    /// something is set that gives up: a [`dead_letter_queue`](Self::dead_letter_queue) or
    /// [`on_failure`](Self::on_failure). With [`retry_topics`](Self::retry_topics) it is how often in
    /// each topic before it goes to the next, default 0. An error that is
    /// [permanent](crate::HandlerError::permanent) is not retried. What has been tried is forgotten
    /// when the partition goes to another worker, or this one is started anew.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// How long a failed message waits before it is handled again. Default: from 100 ms, doubling,
    /// to 30 s, with a jitter of 0.2.
    ///
    /// No thread waits meanwhile: other partitions go on, and under [`Ordering::Key`] other keys.
    pub fn retry_backoff(mut self, backoff: Backoff) -> Self {
        self.retry_backoff = backoff;
        self
    }

    /// As [`retry_backoff`](Self::retry_backoff), the same number of milliseconds each time.
    pub fn retry_backoff_ms(self, ms: u64) -> Self {
        self.retry_backoff(Backoff::fixed(Duration::from_millis(ms)))
    }

    /// What becomes of a message that has failed after its last retry, or that no retry helps. Default
    /// [`FailurePolicy::DeadLetter`] with a [`dead_letter_queue`](Self::dead_letter_queue), else
    /// [`FailurePolicy::Retry`].
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.on_failure = Some(policy);
        self
    }

    /// Tells what kind of error a handler met, in place of
    /// [`HandlerError::class`](crate::HandlerError::class).
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

    /// Stops the worker when too many messages would be given up. Default: none.
    ///
    /// The worker then ends with [`ConsumerError::CircuitOpen`], readiness is degraded, and the
    /// message that was one too many stays where it is.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    pub(crate) fn has_retry_topics(&self) -> bool {
        !self.retry_topics.delays.is_empty()
    }

    /// The policy that holds.
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

/// Returns `true` if `topic` is matched against the names of all topics.
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
