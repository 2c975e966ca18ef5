use crate::config::ProducerConfig;
use crate::delivery::{Delivery, FlushReport};
use crate::error::ProducerError;
use crate::future::DeliveryFuture;
use crate::publisher::Publisher;
use crate::record::{HeaderValue, Record};
use crate::threads::Threads;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A producer, which sends messages to Kafka. Cheap to clone; all clones share one queue and one set of
/// connections.
///
/// Create one with [`from_env`](Self::from_env) or [`new`](Self::new) when the service starts, and clone it
/// into the handlers. Before the process ends, call [`close`](Self::close), which returns how many messages
/// were not delivered.
///
/// Dropping the last clone flushes for up to [`close_timeout`](ProducerConfig::close_timeout) (default 5 s),
/// takes up to 3 s more if a broker does not answer, and logs how many messages were not delivered. When the
/// last clone is dropped inside `on_delivery`, the drop returns at once and the flush continues in the
/// background.
///
/// When librdkafka's client fails permanently, for example after an unclean leader election or because a
/// permission is missing, the producer replaces it behind all clones; see
/// [`ClientFailed`](ProducerError::ClientFailed). Only [`close`](Self::close) ends a producer.
///
/// ```no_run
/// use rws_kafka_producer::KafkaProducer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let producer = KafkaProducer::from_env()?;
/// producer.send("orders.created", r#"{"order_id": 1}"#)?;
///
/// let delivery = producer.send_sync("payments", r#"{"order_id": 1}"#)?;
/// println!("partition {}, offset {}", delivery.partition, delivery.offset);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KafkaProducer {
    shared: Arc<Shared>,
}

struct Shared {
    publisher: Arc<Publisher>,
    /// `None` if the client needs no polling.
    threads: Option<Threads>,
    close_timeout: Duration,
}

/// # Creating a producer
impl KafkaProducer {
    /// Creates a producer with the settings of all layers; see [`ProducerConfig::from_env`].
    ///
    /// An unreachable broker is not an error here: readiness and the outcome of each message report it.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`], [`ProducerError::Property`] and [`ProducerError::Setting`], which name the
    /// invalid settings, and [`ProducerError::Thread`] if the system cannot start another thread.
    pub fn from_env() -> Result<Self, ProducerError> {
        Self::new(ProducerConfig::from_env()?)
    }

    /// Creates a producer with explicit settings.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn new(config: impl Into<ProducerConfig>) -> Result<Self, ProducerError> {
        let config = config.into();
        let publisher = Arc::new(Publisher::new(&config)?);
        publisher.show();
        let threads = if publisher.is_polled() {
            Some(Threads::start(&publisher, &config)?)
        } else {
            // A client that is not polled answers at once: readiness should know it from the start.
            let _ = publisher.ping(Duration::ZERO);
            None
        };
        Ok(Self {
            shared: Arc::new(Shared {
                publisher,
                threads,
                close_timeout: config.close_timeout,
            }),
        })
    }
}

/// # Sending without waiting
impl KafkaProducer {
    /// Sends `payload` to `topic` without a key, and returns once the message is in the queue.
    ///
    /// librdkafka chooses the partition, one per batch. Metrics, the log and
    /// [`on_delivery`](ProducerConfig::on_delivery) report the outcome.
    ///
    /// When the queue is full, `send` blocks for up to [`max_block`](ProducerConfig::max_block) (default 5
    /// s); inside `on_delivery` it does not block.
    ///
    /// # Errors
    ///
    /// A message for which `send` returns an error was not accepted.
    ///
    /// - [`QueueFull`](ProducerError::QueueFull) after `max_block`.
    /// - At once: [`InvalidTopic`](ProducerError::InvalidTopic),
    ///   [`InvalidTimestamp`](ProducerError::InvalidTimestamp),
    ///   [`MessageTooLarge`](ProducerError::MessageTooLarge),
    ///   [`ClientReplaced`](ProducerError::ClientReplaced) and [`Closed`](ProducerError::Closed); with
    ///   [`fail_fast`](ProducerConfig::fail_fast) also [`Unreachable`](ProducerError::Unreachable).
    pub fn send(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), ProducerError> {
        self.send_record(Record::to(topic).payload(payload.as_ref()))
    }

    /// Sends `payload` to the partition that `key` selects (murmur2, as in Java clients), so that messages
    /// with the same key keep their order. Otherwise as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_keyed(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), ProducerError> {
        self.send_record(
            Record::to(topic)
                .key(key.as_ref())
                .payload(payload.as_ref()),
        )
    }

    /// Sends `payload` with a key and headers. Otherwise as [`send_keyed`](Self::send_keyed).
    ///
    /// Headers keep their order, a name may occur more than once, and a value may be text, bytes or null.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let producer = rws_kafka_producer::KafkaProducer::from_env()?;
    /// producer.send_with_headers(
    ///     "orders.created",
    ///     "order-1",
    ///     r#"{"order_id": 1}"#,
    ///     [("schema-version", "2"), ("correlation-id", "7f3a")],
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`InvalidHeader`](ProducerError::InvalidHeader) if a header's name
    /// contains NUL.
    pub fn send_with_headers<N, V>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), ProducerError>
    where
        N: AsRef<str>,
        V: HeaderValue,
    {
        let headers: Vec<(N, V)> = headers.into_iter().collect();
        let record = Record::to(topic)
            .key(key.as_ref())
            .payload(payload.as_ref());
        self.send_record(record.headers(&headers))
    }

    /// Sends a [`Record`], which can also be a tombstone, choose a partition or a timestamp, or have headers
    /// without a key. Otherwise as [`send`](Self::send).
    ///
    /// ```no_run
    /// use rws_kafka_producer::{KafkaProducer, Record};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let producer = KafkaProducer::from_env()?;
    /// let tombstone = Record::to("customers").key("customer-7");
    /// producer.send_record(tombstone)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_with_headers`](Self::send_with_headers).
    pub fn send_record(&self, record: Record<'_>) -> Result<(), ProducerError> {
        self.shared.publisher.send(&record)
    }
}

/// # Waiting for the acknowledgement
impl KafkaProducer {
    /// Sends `payload` to `topic` and blocks until the broker has acknowledged the message.
    ///
    /// This takes a network round trip and the replication of the message. Use it when the caller must not
    /// continue before the message is stored. In async code use [`send_async`](Self::send_async). Messages of
    /// several threads share batches. With a [`linger`](ProducerConfig::linger) above 0, each call takes at
    /// least that long.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), [`InCallback`](ProducerError::InCallback) inside `on_delivery`, and the
    /// outcome of the message: [`TimedOut`](ProducerError::TimedOut),
    /// [`UnknownTopic`](ProducerError::UnknownTopic), [`NotAuthorized`](ProducerError::NotAuthorized),
    /// [`ClientFailed`](ProducerError::ClientFailed), …
    pub fn send_sync(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Delivery, ProducerError> {
        self.send_record_sync(Record::to(topic).payload(payload.as_ref()))
    }

    /// Sends a [`Record`] and blocks until the broker has acknowledged it, as [`send_sync`](Self::send_sync).
    ///
    /// # Errors
    ///
    /// As [`send_sync`](Self::send_sync).
    pub fn send_record_sync(&self, record: Record<'_>) -> Result<Delivery, ProducerError> {
        self.shared.publisher.send_sync(&record)
    }

    /// Sends `payload` to `topic` and returns a future that completes when the broker has acknowledged the
    /// message.
    ///
    /// The message is already in the queue when this returns, so calls keep their order. If the queue is
    /// full, the future waits for room, without blocking, for up to [`max_block`](ProducerConfig::max_block);
    /// messages that wait like this have no order among each other.
    ///
    /// ```no_run
    /// # async fn send() -> Result<(), Box<dyn std::error::Error>> {
    /// # let producer = rws_kafka_producer::KafkaProducer::from_env()?;
    /// let delivery = producer.send_async("orders.created", r#"{"order_id": 1}"#).await?;
    /// println!("partition {}, offset {}", delivery.partition, delivery.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The future returns the errors of [`send_sync`](Self::send_sync).
    pub fn send_async(&self, topic: &str, payload: impl AsRef<[u8]>) -> DeliveryFuture {
        self.send_record_async(Record::to(topic).payload(payload.as_ref()))
    }

    /// Sends a [`Record`] and returns a future for its acknowledgement, as [`send_async`](Self::send_async).
    pub fn send_record_async(&self, record: Record<'_>) -> DeliveryFuture {
        DeliveryFuture::new(&self.shared.publisher, &record)
    }
}

/// # Flushing, closing, probing
impl KafkaProducer {
    /// Waits for up to `timeout` until every message accepted so far has its outcome.
    ///
    /// Returns how many messages have no outcome yet. The producer keeps sending them.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        FlushReport {
            undelivered: self.shared.publisher.flush(timeout),
        }
    }

    /// Closes the producer for all clones: accepts no more messages and flushes for up to `timeout`.
    ///
    /// Messages that are still undelivered then are discarded, counted in the metrics, logged and returned.
    /// In that case the call takes up to 1 s longer than `timeout`. A second call has nothing left to do and
    /// returns a complete report.
    pub fn close(&self, timeout: Duration) -> FlushReport {
        FlushReport {
            undelivered: self.shared.publisher.close(timeout),
        }
    }

    /// Checks that a broker answers.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Unreachable`] if no broker answers within `timeout`, with the cause if it is known:
    /// refused credentials, an unknown CA, a wrong host name, nothing listening.
    /// [`ProducerError::ClientReplaced`] while the producer replaces a failed client.
    pub fn ping(&self, timeout: Duration) -> Result<(), ProducerError> {
        self.shared.publisher.ping(timeout)
    }
}

impl KafkaProducer {
    pub(crate) fn publisher(&self) -> &Publisher {
        &self.shared.publisher
    }
}

impl fmt::Debug for KafkaProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaProducer").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The last clone may be dropped in `on_delivery`: that thread cannot wait for itself, so it closes
        // the producer after the callback has returned.
        let on_own_thread = self.publisher.is_own_thread();
        if on_own_thread {
            self.publisher.refuse();
        } else {
            self.publisher.close(self.close_timeout);
        }
        self.publisher.stop();
        if let Some(threads) = self.threads.take() {
            threads.end(on_own_thread);
        }
    }
}
