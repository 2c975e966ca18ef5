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

/// Publishes messages. Cheap to clone; all clones share one queue and one set of connections.
///
/// The drop of the last clone flushes for at most
/// [`close_timeout`](ProducerConfig::close_timeout), takes up to 3 s more where a broker does not
/// answer, and logs what it could not deliver; call [`close`](Self::close) to be told. In
/// `on_delivery` it returns at once, and the flush follows in the background.
///
/// When librdkafka's client fails for good, as after an unclean leader election or without a
/// permission, the producer replaces it behind all clones; see
/// [`ClientFailed`](ProducerError::ClientFailed). Only a [`close`](Self::close) ends a producer.
#[derive(Clone)]
pub struct KafkaProducer {
    shared: Arc<Shared>,
}

struct Shared {
    publisher: Arc<Publisher>,
    /// None where nothing has to be polled.
    threads: Option<Threads>,
    close_timeout: Duration,
}

impl KafkaProducer {
    /// A producer with the settings of all layers; see [`ProducerConfig::from_env`].
    ///
    /// A broker that cannot be reached is no error here: it shows in readiness and in the outcome
    /// of each message.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`] and [`ProducerError::Property`] name the settings that are wrong.
    pub fn from_env() -> Result<Self, ProducerError> {
        Self::new(ProducerConfig::from_env()?)
    }

    /// A producer with explicit settings.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env); [`ProducerError::Thread`] when the system has no thread
    /// left.
    pub fn new(config: impl Into<ProducerConfig>) -> Result<Self, ProducerError> {
        let config = config.into();
        let publisher = Arc::new(Publisher::new(&config)?);
        publisher.show();
        let threads = if publisher.is_polled() {
            Some(Threads::start(&publisher, &config)?)
        } else {
            // Its client answers at once: readiness is to know it.
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

    /// Publishes `payload` to `topic` and returns when it is in the queue.
    ///
    /// Without a key the partition is chosen by librdkafka, one for a batch at a time. The outcome
    /// reaches the metrics, the log and [`on_delivery`](ProducerConfig::on_delivery).
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`](ProducerError::InvalidTopic),
    /// [`MessageTooLarge`](ProducerError::MessageTooLarge) and
    /// [`InvalidTimestamp`](ProducerError::InvalidTimestamp),
    /// [`ClientReplaced`](ProducerError::ClientReplaced) and
    /// [`Closed`](ProducerError::Closed) at once; [`QueueFull`](ProducerError::QueueFull) after
    /// [`max_block`](ProducerConfig::max_block). A message that `send` returned an error for was not
    /// accepted.
    pub fn send(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), ProducerError> {
        self.send_record(Record::to(topic).payload(payload.as_ref()))
    }

    /// As [`send`](Self::send), to the partition that `key` chooses (murmur2, as Java clients do):
    /// messages of one key keep their order.
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

    /// As [`send_keyed`](Self::send_keyed), with record headers. They keep their order, a name may
    /// come twice, and a value may be text, bytes or null.
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
    /// As [`send`](Self::send), and [`InvalidHeader`](ProducerError::InvalidHeader) for a name that
    /// holds NUL.
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

    /// As [`send`](Self::send), for a [`Record`] in full: tombstones, a chosen partition or
    /// timestamp, headers without a key.
    ///
    /// # Errors
    ///
    /// As [`send_with_headers`](Self::send_with_headers).
    pub fn send_record(&self, record: Record<'_>) -> Result<(), ProducerError> {
        self.shared.publisher.send(&record)
    }

    /// Publishes and blocks until the broker has acknowledged.
    ///
    /// Takes a network round trip and the replication of the message: use it where the answer must
    /// not be given before. Not for async tasks: see [`send_async`](Self::send_async). Calls from
    /// several threads share batches; with a [`linger`](ProducerConfig::linger) above 0 each waits
    /// it out.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and what the broker said:
    /// [`TimedOut`](ProducerError::TimedOut), [`UnknownTopic`](ProducerError::UnknownTopic),
    /// [`NotAuthorized`](ProducerError::NotAuthorized),
    /// [`ClientFailed`](ProducerError::ClientFailed), …
    pub fn send_sync(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Delivery, ProducerError> {
        self.send_record_sync(Record::to(topic).payload(payload.as_ref()))
    }

    /// As [`send_sync`](Self::send_sync), for a [`Record`] in full.
    ///
    /// # Errors
    ///
    /// As [`send_sync`](Self::send_sync).
    pub fn send_record_sync(&self, record: Record<'_>) -> Result<Delivery, ProducerError> {
        self.shared.publisher.send_sync(&record)
    }

    /// Publishes; the future is ready when the broker has acknowledged.
    ///
    /// The message is in the queue when this returns, so that calls keep their order. Where the
    /// queue is full, the future waits for room, without blocking, for
    /// [`max_block`](ProducerConfig::max_block) at most; messages that wait so have no order among
    /// them.
    ///
    /// # Errors
    ///
    /// The future's are those of [`send_sync`](Self::send_sync).
    pub fn send_async(&self, topic: &str, payload: impl AsRef<[u8]>) -> DeliveryFuture {
        self.send_record_async(Record::to(topic).payload(payload.as_ref()))
    }

    /// As [`send_async`](Self::send_async), for a [`Record`] in full.
    pub fn send_record_async(&self, record: Record<'_>) -> DeliveryFuture {
        DeliveryFuture::new(&self.shared.publisher, &record)
    }

    /// Waits until all that was accepted before has its outcome, for `timeout` at most.
    ///
    /// Tells how many messages have none yet; they are still being sent.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        FlushReport {
            undelivered: self.shared.publisher.flush(timeout),
        }
    }

    /// Takes no more messages, for all clones, and flushes for `timeout` at most.
    ///
    /// What is left then is given up, counted in the metrics, logged and returned. Takes up to a
    /// second more than `timeout` where something is. A second close finds nothing to do.
    pub fn close(&self, timeout: Duration) -> FlushReport {
        FlushReport {
            undelivered: self.shared.publisher.close(timeout),
        }
    }

    /// Asks the broker whether it is there.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Unreachable`] when no broker answers within `timeout`, with the cause where
    /// it is known: refused credentials, an unknown CA, a wrong host name, nothing listening.
    /// [`ProducerError::ClientReplaced`] while the producer replaces a client that has failed.
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
        // The last clone may go in `on_delivery`: that thread cannot wait for itself, and closes
        // when it is back from there.
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
