//! Sending values with schemas.

use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::future::DeliveryFuture;
use crate::producer::KafkaProducer;
use crate::record::{HeaderValue, Record};
use rws_kafka_schema::SchemaError;
use rws_kafka_schema::registry::{Destination, Role, SchemaRegistry};
use std::ops::Deref;

impl KafkaProducer {
    /// The same producer with a schema registry: for values in Avro, Protobuf and JSON Schema.
    ///
    /// ```no_run
    /// use rws_kafka_producer::KafkaProducer;
    /// use rws_kafka_schema::registry::SchemaRegistry;
    ///
    /// # #[cfg(feature = "avro")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize)]
    /// struct OrderCreated {
    ///     order_id: u64,
    /// }
    ///
    /// let registry = SchemaRegistry::confluent("https://schema-registry:8081")
    ///     .with_basic_auth("user", "password");
    /// let producer = KafkaProducer::from_env()?.with_registry(registry);
    /// producer.send_avro("orders.created", &OrderCreated { order_id: 1 })?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "avro"))]
    /// # fn main() {}
    /// ```
    pub fn with_registry(&self, registry: SchemaRegistry) -> RegistryProducer {
        RegistryProducer {
            producer: self.clone(),
            registry,
        }
    }
}

/// A producer that knows a schema registry; see [`KafkaProducer::with_registry`]. Cheap to clone, and
/// a [`KafkaProducer`] in all else.
///
/// What it sends is encoded on the caller's thread, which waits where the registry must be asked:
/// at the first value for a topic, and from time to time where the latest version is used.
#[derive(Clone, Debug)]
pub struct RegistryProducer {
    producer: KafkaProducer,
    registry: SchemaRegistry,
}

impl Deref for RegistryProducer {
    type Target = KafkaProducer;

    fn deref(&self) -> &KafkaProducer {
        &self.producer
    }
}

impl RegistryProducer {
    /// Its registry.
    pub fn registry(&self) -> &SchemaRegistry {
        &self.registry
    }

    /// A record whose key and value may be typed.
    ///
    /// ```no_run
    /// # #[cfg(feature = "avro")]
    /// # fn send(producer: rws_kafka_producer::RegistryProducer) -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize)]
    /// struct Customer {
    ///     id: u32,
    /// }
    ///
    /// producer
    ///     .record("customers")
    ///     .avro_key(&7_i64)
    ///     .avro(&Customer { id: 7 })
    ///     .header("origin", "web")
    ///     .send_sync()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn record<'a>(&'a self, topic: &'a str) -> TypedRecord<'a> {
        TypedRecord {
            producer: self,
            topic,
            key: None,
            payload: None,
            headers: Vec::new(),
            partition: None,
            timestamp_ms: None,
            failed: None,
        }
    }
}

/// A record in the making; see [`RegistryProducer::record`]. What could not be encoded errs when it is
/// sent.
#[derive(Debug)]
#[must_use = "a record does nothing until it is sent"]
pub struct TypedRecord<'a> {
    producer: &'a RegistryProducer,
    topic: &'a str,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
    failed: Option<SchemaError>,
}

impl TypedRecord<'_> {
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

    /// One more header; see [`Record::header`].
    pub fn header<V: HeaderValue + ?Sized>(mut self, name: impl Into<String>, value: &V) -> Self {
        let value = value.header_bytes().map(<[u8]>::to_vec);
        self.headers.push((name.into(), value));
        self
    }

    /// The partition, in place of the one that the key chooses.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The timestamp in milliseconds since 1970, in place of the present time.
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// Publishes it and returns when it is in the queue, as [`KafkaProducer::send`].
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::send_record`], and [`ProducerError::Encode`].
    pub fn send(self) -> Result<(), ProducerError> {
        self.hand_over(KafkaProducer::send_record)
    }

    /// Publishes it and blocks until the broker has acknowledged, as [`KafkaProducer::send_sync`].
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::send_sync`], and [`ProducerError::Encode`].
    pub fn send_sync(self) -> Result<Delivery, ProducerError> {
        self.hand_over(KafkaProducer::send_record_sync)
    }

    /// Publishes it; the future is ready when the broker has acknowledged, as
    /// [`KafkaProducer::send_async`].
    ///
    /// # Errors
    ///
    /// [`ProducerError::Encode`]; the future's are those of [`KafkaProducer::send_sync`].
    pub fn send_async(self) -> Result<DeliveryFuture, ProducerError> {
        self.hand_over(|producer, record| Ok(producer.send_record_async(record)))
    }

    fn hand_over<R>(
        self,
        send: impl FnOnce(&KafkaProducer, Record<'_>) -> Result<R, ProducerError>,
    ) -> Result<R, ProducerError> {
        if let Some(source) = self.failed {
            return Err(encode_error(self.topic, source));
        }
        let mut record = Record::to(self.topic);
        record.key = self.key.as_deref();
        record.payload = self.payload.as_deref();
        record.partition = self.partition;
        record.timestamp_ms = self.timestamp_ms;
        send(self.producer, record.headers(&self.headers))
    }

    #[cfg_attr(
        not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
        allow(dead_code)
    )]
    fn encoded(
        mut self,
        destination: Destination<'_>,
        encode: impl FnOnce(&SchemaRegistry) -> Result<Vec<u8>, SchemaError>,
    ) -> Self {
        let place = match destination.role() {
            Role::Key => &mut self.key,
            Role::Value => &mut self.payload,
        };
        match encode(&self.producer.registry) {
            Ok(bytes) => *place = Some(bytes),
            // The first one is told.
            Err(error) => self.failed = self.failed.or(Some(error)),
        }
        self
    }
}

fn encode_error(topic: &str, source: SchemaError) -> ProducerError {
    ProducerError::Encode {
        topic: topic.to_owned(),
        source: Box::new(source),
    }
}

/// The methods of one format: they differ in a bound, a name and a word.
macro_rules! format_methods {
    (
        $feature:literal, $words:literal, $bound:path, $encode:ident,
        $send:ident, $send_keyed:ident, $value:ident, $key:ident
    ) => {
        #[cfg(feature = $feature)]
        impl KafkaProducer {
            #[doc = concat!("Publishes `value` in ", $words, ", framed for `registry`, as [`send`](Self::send) does a")]
            /// payload. The registry is passed by value or by reference.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send), and [`Encode`](ProducerError::Encode), whose source tells what the
            /// registry or the schema has against it.
            pub fn $send<T: $bound>(
                &self,
                topic: &str,
                value: &T,
                registry: impl std::borrow::Borrow<SchemaRegistry>,
            ) -> Result<(), ProducerError> {
                let payload = registry
                    .borrow()
                    .$encode(Destination::value(topic), value)
                    .map_err(|source| encode_error(topic, source))?;
                self.send(topic, payload)
            }
        }

        #[cfg(feature = $feature)]
        impl RegistryProducer {
            #[doc = concat!("Publishes `value` in ", $words, ", as [`send`](KafkaProducer::send) does a payload.")]
            ///
            /// # Errors
            ///
            /// As [`send`](KafkaProducer::send), and [`Encode`](ProducerError::Encode), whose source tells
            /// what the registry or the schema has against it.
            pub fn $send<T: $bound>(&self, topic: &str, value: &T) -> Result<(), ProducerError> {
                self.producer.$send(topic, value, &self.registry)
            }

            /// The same to the partition that `key` chooses, as
            /// [`send_keyed`](KafkaProducer::send_keyed).
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), ").")]
            pub fn $send_keyed<T: $bound>(
                &self,
                topic: &str,
                key: impl AsRef<[u8]>,
                value: &T,
            ) -> Result<(), ProducerError> {
                self.record(topic).key(key.as_ref()).$value(value).send()
            }
        }

        #[cfg(feature = $feature)]
        impl TypedRecord<'_> {
            #[doc = concat!("The payload, in ", $words, ".")]
            pub fn $value<T: $bound>(self, value: &T) -> Self {
                let destination = Destination::value(self.topic);
                self.encoded(destination, |registry| registry.$encode(destination, value))
            }

            #[doc = concat!("The key, in ", $words, ". Equal keys must be equal bytes to share a partition.")]
            pub fn $key<T: $bound>(self, key: &T) -> Self {
                let destination = Destination::key(self.topic);
                self.encoded(destination, |registry| registry.$encode(destination, key))
            }
        }
    };
}

format_methods!(
    "avro",
    "Avro",
    serde::Serialize,
    encode_avro,
    send_avro,
    send_avro_keyed,
    avro,
    avro_key
);
format_methods!(
    "protobuf",
    "Protobuf",
    rws_kafka_schema::protobuf::ProtobufMessage,
    encode_protobuf,
    send_protobuf,
    send_protobuf_keyed,
    protobuf,
    protobuf_key
);
format_methods!(
    "json-schema",
    "JSON, checked by its JSON Schema",
    serde::Serialize,
    encode_json_schema,
    send_json_schema,
    send_json_schema_keyed,
    json_schema,
    json_schema_key
);
