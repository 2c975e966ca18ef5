//! A record whose key and value may be typed: it is encoded as it is made, and then sent.

use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::future::DeliveryFuture;
use crate::producer::KafkaProducer;
use crate::record::{HeaderValue, Record};
#[cfg(feature = "registry")]
use rws_kafka_schema::SchemaError;
#[cfg(feature = "registry")]
use rws_kafka_schema::registry::{Destination, Role, SchemaRegistry};

/// What a [`TypedRecord`] is sent through.
pub trait RecordSender: Sized {
    /// Takes the record.
    ///
    /// # Errors
    ///
    /// Those of the sender.
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError>;
}

/// What a [`TypedRecord`] with values in Avro, Protobuf or JSON Schema is sent through.
#[cfg(feature = "registry")]
pub trait TypedSender: RecordSender {
    /// Returns what gives the schemas; a value without one is refused.
    fn registry(&self) -> Option<&SchemaRegistry>;
}

/// A producer that waits for acknowledgements.
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

impl KafkaProducer {
    /// Starts a record for `topic`, which is sent when all its parts are set.
    ///
    /// The same from a [`RegistryProducer`](Self::with_registry) also takes keys and values in Avro,
    /// Protobuf and JSON Schema.
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

/// A record in the making; see [`KafkaProducer::record`]. What could not be encoded is an error when it
/// is sent.
///
/// `S` is what it is sent through: a [`KafkaProducer`], one [with a
/// registry](KafkaProducer::with_registry), a [`Transaction`](crate::Transaction), or the outputs of an
/// exactly-once worker.
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

    /// A key as it is.
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A payload as it is. Without one, the record is a tombstone.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// One more header; see [`Record::header`]. `&None::<String>` gives it a null value; see
    /// [`header_opt`](Self::header_opt).
    pub fn header<V: HeaderValue + ?Sized>(mut self, name: impl Into<String>, value: &V) -> Self {
        let value = value.header_bytes().map(<[u8]>::to_vec);
        self.headers.push((name.into(), value));
        self
    }

    /// One more header where there is a value, and none at `None`.
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

    /// The payload, as JSON by serde.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
        match crate::typed::encode_json(self.topic, value) {
            Ok(payload) => self.payload = Some(payload),
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }

    /// The partition, in place of the one that the key chooses.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The timestamp in milliseconds since 1970, in place of the present time; one of
    /// [`Record::TIMESTAMPS_MS`].
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
    /// Publishes it and returns when it is taken, as the `send_record` of what it is sent through.
    ///
    /// # Errors
    ///
    /// Those of that `send_record`, and for a typed key or value `ProducerError::Encode` and
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
            // The first one is told.
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }
}

impl<S: AcknowledgedSender> TypedRecord<'_, S> {
    /// Publishes it and blocks until the broker has acknowledged, as [`KafkaProducer::send_sync`].
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::send_sync`], and `ProducerError::Encode` for a typed key or value.
    pub fn send_sync(self) -> Result<Delivery, ProducerError> {
        self.hand_over(|sender, record| sender.producer().send_record_sync(record))
    }

    /// Publishes it; the future is ready when the broker has acknowledged, as
    /// [`KafkaProducer::send_async`].
    ///
    /// # Errors
    ///
    /// `ProducerError::Encode` for a typed key or value; the future's are those of
    /// [`KafkaProducer::send_sync`].
    pub fn send_async(self) -> Result<DeliveryFuture, ProducerError> {
        self.hand_over(|sender, record| Ok(sender.producer().send_record_async(record)))
    }
}

/// The methods of one format, for types with a schema of their own and for those without: they differ
/// in a bound, a name and words.
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
            #[doc = concat!("The payload, in ", $words, ".")]
            ///
            #[doc = $schema]
            pub fn $value<T: $($bound)+>(self, value: &T) -> Self {
                let destination = Destination::value(self.topic);
                self.encoded(destination, |registry| registry.$encode(destination, value))
            }

            #[doc = concat!("The key, in ", $words, ". Equal keys must be equal bytes to share a partition.")]
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
