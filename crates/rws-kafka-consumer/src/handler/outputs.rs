#[cfg(feature = "json")]
use rws_kafka_producer::encode_json;
use rws_kafka_producer::{HeaderValue, ProducerError, Record, RecordBuffer, TransactionalProducer};
use std::fmt;

/// The messages that a handler sends in an [exactly-once worker](crate::ExactlyOnceConsumer).
///
/// They are buffered until the handler returns. If it returns `Ok`, they are published in the transaction
/// that commits the offset of the handled message. Otherwise they are discarded.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use rws_kafka_consumer::KafkaConsumer;
/// let handle = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .exactly_once("invoicing-0")
///     .start(|msg, out| {
///         out.send_keyed("invoices", msg.key().unwrap_or_default(), "an invoice")?;
///         out.send("audit", "invoiced")?;
///         Ok(())
///     });
/// handle.join().into_result()?;
/// # Ok(())
/// # }
/// ```
pub struct Outputs {
    /// `None` in a worker without transactions, whose handlers get no outputs.
    producer: Option<TransactionalProducer>,
    /// The maximum size of an output; letters may be larger.
    most_bytes: usize,
    records: RecordBuffer,
}

impl Outputs {
    pub(crate) fn new(producer: Option<TransactionalProducer>, most_bytes: usize) -> Self {
        Self {
            producer,
            most_bytes,
            records: RecordBuffer::default(),
        }
    }

    /// Publishes `payload` to `topic` if the handler succeeds.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`](ProducerError::InvalidTopic), and [`MessageTooLarge`](ProducerError::MessageTooLarge)
    /// if the message exceeds the producer's limit. Both are found without asking a broker.
    pub fn send(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), ProducerError> {
        self.send_record(Record::to(topic).payload(payload.as_ref()))
    }

    /// Publishes `payload` to the partition that `key` chooses (murmur2, as in Java clients) if the handler
    /// succeeds.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn send_keyed(
        &mut self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), ProducerError> {
        let record = Record::to(topic).key(key.as_ref());
        self.send_record(record.payload(payload.as_ref()))
    }

    /// Publishes a keyed `payload` with headers if the handler succeeds.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send), and [`InvalidHeader`](ProducerError::InvalidHeader) if a header's
    /// name contains NUL.
    pub fn send_with_headers<N, V>(
        &mut self,
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

    /// Publishes `record` if the handler succeeds.
    ///
    /// # Errors
    ///
    /// The errors of [`send_with_headers`](Self::send_with_headers).
    pub fn send_record(&mut self, record: Record<'_>) -> Result<(), ProducerError> {
        if let Some(producer) = &self.producer {
            producer.check(&record, self.most_bytes)?;
        }
        self.records.push(&record);
        Ok(())
    }

    /// Returns the number of messages that were sent so far.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns `true` if no message was sent.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    #[cfg(feature = "registry")]
    pub(crate) fn producer(&self) -> Option<&TransactionalProducer> {
        self.producer.as_ref()
    }

    pub(crate) fn records(&self) -> &RecordBuffer {
        &self.records
    }

    /// Replaces the messages that the handler sent with `record`.
    pub(crate) fn replace(&mut self, record: &Record<'_>) {
        self.records.clear();
        self.records.push(record);
    }

    /// Adds `record` to the messages that the handler sent.
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        self.records.push(record);
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

#[cfg(feature = "json")]
impl Outputs {
    /// Publishes `value` as JSON if the handler succeeds.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send), and [`Encode`](ProducerError::Encode) if the value cannot be
    /// represented in JSON.
    pub fn send_typed<T: serde::Serialize + ?Sized>(
        &mut self,
        topic: &str,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send(topic, encode_json(topic, value)?)
    }

    /// Publishes `value` as JSON to the partition that `key` chooses, as [`send_keyed`](Self::send_keyed)
    /// does.
    ///
    /// # Errors
    ///
    /// The errors of [`send_typed`](Self::send_typed).
    pub fn send_typed_keyed<T: serde::Serialize + ?Sized>(
        &mut self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send_keyed(topic, key, encode_json(topic, value)?)
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
