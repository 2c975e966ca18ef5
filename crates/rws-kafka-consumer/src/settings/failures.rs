//! The settings for failed messages.

use super::consumer::KafkaConsumer;
use crate::failure::backoff::Backoff;
use crate::failure::breaker::CircuitBreaker;
use crate::failure::class::ErrorClass;
use crate::failure::dead_letter::{DeadLetterHeaders, QueueName};
use crate::failure::policy::FailurePolicy;
use crate::handler::error::HandlerError;
use rws_kafka_producer::KafkaProducer;
use std::sync::Arc;
use std::time::Duration;

/// # Failed messages
impl KafkaConsumer {
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
    /// No thread is blocked during the wait. Other partitions continue, and with [`Ordering::Key`](crate::Ordering::Key) other
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
    /// The worker then ends with [`ConsumerError::CircuitOpen`](crate::ConsumerError::CircuitOpen), and readiness is degraded. The message that
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
}

/// # Dead letters
impl KafkaConsumer {
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
    /// [properties](crate::ConsumerConfig::property) of the consumer that apply to every client, such as brokers and
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
}
