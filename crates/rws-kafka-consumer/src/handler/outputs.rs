#[cfg(feature = "json")]
use rws_kafka_producer::encode_json;
use rws_kafka_producer::{HeaderValue, ProducerError, Record, RecordBuffer, TransactionalProducer};
use std::fmt;

/// What a handler sends in an [exactly-once worker](crate::ExactlyOnceConsumer).
///
/// It is kept until the handler returns, and is published in the transaction that commits the
/// message's offset when that was `Ok`, else thrown away.
pub struct Outputs {
    /// None in a worker without transactions, whose handlers are given no outputs.
    producer: Option<TransactionalProducer>,
    /// Most bytes of one; letters may have more.
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

    /// Publishes `payload` to `topic`, should the handler succeed.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`](ProducerError::InvalidTopic) and
    /// [`MessageTooLarge`](ProducerError::MessageTooLarge): what no broker would be asked for.
    pub fn send(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), ProducerError> {
        self.send_record(Record::to(topic).payload(payload.as_ref()))
    }

    /// As [`send`](Self::send), to the partition that `key` chooses (murmur2, as Java clients do).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_keyed(
        &mut self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), ProducerError> {
        let record = Record::to(topic).key(key.as_ref());
        self.send_record(record.payload(payload.as_ref()))
    }

    /// As [`send_keyed`](Self::send_keyed), with headers.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`InvalidHeader`](ProducerError::InvalidHeader) for a name that
    /// holds NUL.
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

    /// As [`send`](Self::send), for a [`Record`] in full.
    ///
    /// # Errors
    ///
    /// As [`send_with_headers`](Self::send_with_headers).
    pub fn send_record(&mut self, record: Record<'_>) -> Result<(), ProducerError> {
        if let Some(producer) = &self.producer {
            producer.check(&record, self.most_bytes)?;
        }
        self.records.push(&record);
        Ok(())
    }

    /// How many messages were sent so far.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none was.
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

    /// In place of what the handler sent.
    pub(crate) fn replace(&mut self, record: &Record<'_>) {
        self.records.clear();
        self.records.push(record);
    }

    /// Beside what the handler sent.
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        self.records.push(record);
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

#[cfg(feature = "json")]
impl Outputs {
    /// Publishes `value` as JSON, as [`send`](Self::send) does a payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Encode`](ProducerError::Encode) for a value that JSON has no
    /// form for.
    pub fn send_typed<T: serde::Serialize + ?Sized>(
        &mut self,
        topic: &str,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send(topic, encode_json(topic, value)?)
    }

    /// The same to the partition that `key` chooses, as [`send_keyed`](Self::send_keyed).
    ///
    /// # Errors
    ///
    /// As [`send_typed`](Self::send_typed).
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
