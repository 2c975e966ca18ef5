//! A record that encodes its key and value while it is built, and is then sent.

use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::future::DeliveryFuture;
use crate::producer::KafkaProducer;
use crate::record::{HeaderValue, Record};
#[cfg(feature = "registry")]
use rws_kafka_schema::SchemaError;
#[cfg(feature = "registry")]
use rws_kafka_schema::registry::{Destination, Role, SchemaRegistry};

/// A sender of [`TypedRecord`]s: a producer, a transaction, or the outputs of an exactly-once worker.
pub trait RecordSender: Sized {
    /// Sends `record`.
    ///
    /// # Errors
    ///
    /// The errors of the sender.
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError>;
}

/// A sender of [`TypedRecord`]s whose key or value is in Avro, Protobuf or JSON Schema.
#[cfg(feature = "registry")]
pub trait TypedSender: RecordSender {
    /// Returns the schema registry; without one, sending a typed key or value fails.
    fn registry(&self) -> Option<&SchemaRegistry>;
}

/// A sender that can wait for acknowledgements.
pub trait AcknowledgedSender: RecordSender {
    #[doc(hidden)]
    fn producer(&self) -> &KafkaProducer;
}

impl RecordSender for &KafkaProducer {
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError> {
        self.send_record(record)
    }
}

impl AcknowledgedSender for &KafkaProducer {
    fn producer(&self) -> &KafkaProducer {
        self
    }
}

/// # Any format
impl KafkaProducer {
    /// Starts a record for `topic`. The record is sent when `send`, `send_sync` or `send_async` is called on
    /// it.
    ///
    /// [`RegistryProducer`](Self::with_registry) has the same method; its records also take keys and values
    /// in Avro, Protobuf and JSON Schema.
    ///
    /// ```no_run
    /// use rws_kafka_producer::KafkaProducer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let producer = KafkaProducer::from_env()?;
    /// let origin: Option<&str> = None;
    /// let delivery = producer
    ///     .record("orders.created")
    ///     .key("order-1")
    ///     .payload(r#"{"order_id": 1}"#)
    ///     .header("version", "2")
    ///     .header_opt("origin", origin)
    ///     .send_sync()?;
    /// println!("partition {}", delivery.partition);
    /// # Ok(())
    /// # }
    /// ```
    pub fn record<'a>(&'a self, topic: &'a str) -> TypedRecord<'a> {
        TypedRecord::through(self, topic)
    }
}

/// A record that is being built; see [`KafkaProducer::record`]. If a key or value cannot be encoded, sending
/// the record returns the error.
///
/// `S` is the sender: a [`KafkaProducer`], a producer [with a registry](KafkaProducer::with_registry), a
/// [`Transaction`](crate::Transaction), or the outputs of an exactly-once worker.
#[derive(Debug)]
#[must_use = "a record does nothing until it is sent"]
pub struct TypedRecord<'a, S = &'a KafkaProducer> {
    sender: S,
    topic: &'a str,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
    failed: Option<ProducerError>,
}

impl<'a, S> TypedRecord<'a, S> {
    #[doc(hidden)]
    pub fn through(sender: S, topic: &'a str) -> Self {
        Self {
            sender,
            topic,
            key: None,
            payload: None,
            headers: Vec::new(),
            partition: None,
            timestamp_ms: None,
            failed: None,
        }
    }

    /// Sets the key to these bytes.
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the payload to these bytes. A record without a payload is a tombstone.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// Adds a header; see [`Record::header`]. `&None::<String>` adds a header with a null value; see
    /// [`header_opt`](Self::header_opt).
    pub fn header<V: HeaderValue + ?Sized>(mut self, name: impl Into<String>, value: &V) -> Self {
        let value = value.header_bytes().map(<[u8]>::to_vec);
        self.headers.push((name.into(), value));
        self
    }

    /// Adds a header if `value` is `Some`, and does nothing otherwise.
    pub fn header_opt<V: HeaderValue + ?Sized>(
        self,
        name: impl Into<String>,
        value: Option<&V>,
    ) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Sets the payload to `value` as JSON, written with serde.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
        match crate::typed::encode_json(self.topic, value) {
            Ok(payload) => self.payload = Some(payload),
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }

    /// Sets the partition. Otherwise the key selects it.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since 1970 and within [`Record::TIMESTAMPS_MS`]. Otherwise it is
    /// the current time.
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    fn hand_over<R>(
        self,
        send: impl FnOnce(S, Record<'_>) -> Result<R, ProducerError>,
    ) -> Result<R, ProducerError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut record = Record::to(self.topic);
        record.key = self.key.as_deref();
        record.payload = self.payload.as_deref();
        record.partition = self.partition;
        record.timestamp_ms = self.timestamp_ms;
        send(self.sender, record.headers(&self.headers))
    }
}

impl<S: RecordSender> TypedRecord<'_, S> {
    /// Sends the record and returns once it is accepted, as the sender's `send_record` does.
    ///
    /// # Errors
    ///
    /// The errors of the sender's `send_record`; for a typed key or value also `ProducerError::Encode` and
    /// `ProducerError::NoRegistry`.
    pub fn send(self) -> Result<(), ProducerError> {
        self.hand_over(S::send_record)
    }
}

#[cfg(feature = "registry")]
impl<S: TypedSender> TypedRecord<'_, S> {
    #[cfg_attr(
        not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
        allow(dead_code)
    )]
    fn encoded(
        mut self,
        destination: Destination<'_>,
        encode: impl FnOnce(&SchemaRegistry) -> Result<Vec<u8>, SchemaError>,
    ) -> Self {
        let encoded = match self.sender.registry() {
            Some(registry) => encode(registry).map_err(|source| ProducerError::Encode {
                topic: self.topic.to_owned(),
                source: Box::new(source),
            }),
            None => Err(ProducerError::NoRegistry {
                topic: self.topic.to_owned(),
            }),
        };
        let place = match destination.role() {
            Role::Key => &mut self.key,
            Role::Value => &mut self.payload,
        };
        match encoded {
            Ok(bytes) => *place = Some(bytes),
            // If both the key and the value fail, the first error is returned.
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }
}

impl<S: AcknowledgedSender> TypedRecord<'_, S> {
    /// Sends the record and blocks until the broker has acknowledged it, as [`KafkaProducer::send_sync`].
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::send_sync`], and `ProducerError::Encode` for a typed key or value.
    pub fn send_sync(self) -> Result<Delivery, ProducerError> {
        self.hand_over(|sender, record| sender.producer().send_record_sync(record))
    }

    /// Sends the record and returns a future that completes when the broker has acknowledged it, as
    /// [`KafkaProducer::send_async`].
    ///
    /// # Errors
    ///
    /// `ProducerError::Encode` for a typed key or value. The future returns the errors of
    /// [`KafkaProducer::send_sync`].
    pub fn send_async(self) -> Result<DeliveryFuture, ProducerError> {
        self.hand_over(|sender, record| Ok(sender.producer().send_record_async(record)))
    }
}

/// Defines the methods of one format, for types with a schema of their own and for types without one. The two
/// differ only in a bound, the names and the texts.
#[cfg(feature = "registry")]
macro_rules! format_methods {
    (
        feature: $feature:literal,
        words: $words:literal,
        schema: $schema:literal,
        bound: { $($bound:tt)+ },
        encode: $encode:ident,
        value: $value:ident,
        key: $key:ident,
        send: $_send:ident,
        send_keyed: $_send_keyed:ident,
        enqueue: $_enqueue:ident,
        enqueue_keyed: $_enqueue_keyed:ident,
    ) => {
        #[cfg(feature = $feature)]
        impl<S: TypedSender> TypedRecord<'_, S> {
            #[doc = concat!("Sets the payload to `value` in ", $words, ".")]
            ///
            #[doc = $schema]
            pub fn $value<T: $($bound)+>(self, value: &T) -> Self {
                let destination = Destination::value(self.topic);
                self.encoded(destination, |registry| registry.$encode(destination, value))
            }

            #[doc = concat!("Sets the key to `key` in ", $words, ".")]
            /// Equal keys must be equal bytes to share a partition.
            ///
            #[doc = $schema]
            pub fn $key<T: $($bound)+>(self, key: &T) -> Self {
                let destination = Destination::key(self.topic);
                self.encoded(destination, |registry| registry.$encode(destination, key))
            }
        }
    };
}

#[cfg(feature = "registry")]
rws_kafka_schema::written_formats!(format_methods);
