//! Methods that send values with schemas.

use crate::error::ProducerError;
use crate::producer::KafkaProducer;
use crate::record::Record;
use crate::transaction::Transaction;
use crate::transactional::TransactionalProducer;
use crate::typed_record::{AcknowledgedSender, RecordSender, TypedRecord, TypedSender};
use rws_kafka_schema::registry::SchemaRegistry;
use std::ops::Deref;

/// # Avro, Protobuf and JSON Schema
impl KafkaProducer {
    /// Returns this producer together with a schema registry, for values in Avro, Protobuf and JSON Schema.
    ///
    /// ```no_run
    /// use rws_kafka_producer::KafkaProducer;
    /// use rws_kafka_schema::registry::SchemaRegistry;
    ///
    /// # #[cfg(feature = "avro")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, apache_avro::AvroSchema)]
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

/// A producer with a schema registry; see [`KafkaProducer::with_registry`]. Cheap to clone, and otherwise a
/// [`KafkaProducer`].
///
/// Values are encoded on the caller's thread. It blocks while the registry is asked: at the first value for a
/// topic, and from time to time where the latest version is used.
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
    /// Returns the schema registry.
    pub fn registry(&self) -> &SchemaRegistry {
        &self.registry
    }

    /// Starts a record whose key and value may be typed; see [`KafkaProducer::record`].
    ///
    /// ```no_run
    /// # #[cfg(feature = "avro")]
    /// # fn send(producer: rws_kafka_producer::RegistryProducer) -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, apache_avro::AvroSchema)]
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
    pub fn record<'a>(&'a self, topic: &'a str) -> TypedRecord<'a, &'a Self> {
        TypedRecord::through(self, topic)
    }
}

impl TypedSender for (&KafkaProducer, &SchemaRegistry) {
    fn registry(&self) -> Option<&SchemaRegistry> {
        Some(self.1)
    }
}

impl RecordSender for (&KafkaProducer, &SchemaRegistry) {
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError> {
        self.0.send_record(record)
    }
}

impl TypedSender for &RegistryProducer {
    fn registry(&self) -> Option<&SchemaRegistry> {
        Some(&self.registry)
    }
}

impl RecordSender for &RegistryProducer {
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError> {
        self.producer.send_record(record)
    }
}

impl AcknowledgedSender for &RegistryProducer {
    fn producer(&self) -> &KafkaProducer {
        self
    }
}

impl TransactionalProducer {
    /// Adds a schema registry, so that transactions take values in Avro, Protobuf and JSON Schema.
    ///
    /// Values are encoded on the caller's thread, which blocks while the registry is asked. The transaction
    /// is open meanwhile, and its [`transaction_timeout`](crate::ProducerConfig::transaction_timeout) runs
    /// from its first message on.
    ///
    /// ```no_run
    /// use rws_kafka_producer::{KafkaProducer, ProducerConfig};
    /// use rws_kafka_schema::registry::SchemaRegistry;
    ///
    /// # #[cfg(feature = "avro")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, apache_avro::AvroSchema)]
    /// struct OrderCreated {
    ///     order_id: u64,
    /// }
    ///
    /// let registry = SchemaRegistry::confluent("https://schema-registry:8081");
    /// let producer = KafkaProducer::transactional(ProducerConfig::from_env()?, "orders-api-0")?
    ///     .with_registry(registry);
    ///
    /// let transaction = producer.begin()?;
    /// transaction.send_avro("orders", &OrderCreated { order_id: 1 })?;
    /// transaction.record("audit").avro_key(&1_i64).payload("created").send()?;
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "avro"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn with_registry(mut self, registry: SchemaRegistry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Returns the schema registry, if there is one.
    pub fn registry(&self) -> Option<&SchemaRegistry> {
        self.registry.as_ref()
    }
}

impl Transaction {
    /// Starts a record whose key and value may be typed; see [`RegistryProducer::record`].
    pub fn record<'a>(&'a self, topic: &'a str) -> TypedRecord<'a, &'a Self> {
        TypedRecord::through(self, topic)
    }
}

impl TypedSender for &Transaction {
    fn registry(&self) -> Option<&SchemaRegistry> {
        self.registry.as_ref()
    }
}

impl RecordSender for &Transaction {
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError> {
        self.send_record(record)
    }
}

/// Defines the methods of one format, for types with a schema of their own and for types without one. The two
/// differ only in a bound, the names and the texts.
macro_rules! format_methods {
    (
        feature: $feature:literal,
        words: $words:literal,
        schema: $schema:literal,
        bound: { $($bound:tt)+ },
        encode: $_encode:ident,
        value: $value:ident,
        key: $_key:ident,
        send: $send:ident,
        send_keyed: $send_keyed:ident,
        enqueue: $_enqueue:ident,
        enqueue_keyed: $_enqueue_keyed:ident,
    ) => {
        #[cfg(feature = $feature)]
        impl KafkaProducer {
            #[doc = concat!("Publishes `value` in ", $words, ", in the wire format of `registry`,")]
            /// as [`send`](Self::send) does a payload. Takes the registry by value or by reference.
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send), and [`Encode`](ProducerError::Encode), whose source is the error of
            /// the registry or the schema.
            pub fn $send<T: $($bound)+>(
                &self,
                topic: &str,
                value: &T,
                registry: impl std::borrow::Borrow<SchemaRegistry>,
            ) -> Result<(), ProducerError> {
                let sender = (self, registry.borrow());
                TypedRecord::through(sender, topic).$value(value).send()
            }
        }

        #[cfg(feature = $feature)]
        impl RegistryProducer {
            #[doc = concat!("Publishes `value` in ", $words, ", as [`send`](KafkaProducer::send) does a payload.")]
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`send`](KafkaProducer::send), and [`Encode`](ProducerError::Encode), whose source is the
            /// error of the registry or the schema.
            pub fn $send<T: $($bound)+>(&self, topic: &str, value: &T) -> Result<(), ProducerError> {
                self.record(topic).$value(value).send()
            }

            /// Does the same with a `key`, which selects the partition, as
            /// [`send_keyed`](KafkaProducer::send_keyed).
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), ").")]
            pub fn $send_keyed<T: $($bound)+>(
                &self,
                topic: &str,
                key: impl AsRef<[u8]>,
                value: &T,
            ) -> Result<(), ProducerError> {
                self.record(topic).key(key.as_ref()).$value(value).send()
            }
        }

        #[cfg(feature = $feature)]
        impl Transaction {
            #[doc = concat!("Publishes `value` in ", $words, ",")]
            /// in the wire format of the producer's registry, as [`send`](Self::send) does a payload.
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send), [`NoRegistry`](ProducerError::NoRegistry), and
            /// [`Encode`](ProducerError::Encode), whose source is the error of the registry or the schema.
            /// After either, the transaction stays open, without this message.
            pub fn $send<T: $($bound)+>(&self, topic: &str, value: &T) -> Result<(), ProducerError> {
                self.record(topic).$value(value).send()
            }

            /// Does the same with a `key`, which selects the partition, as [`send_keyed`](Self::send_keyed).
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), ").")]
            pub fn $send_keyed<T: $($bound)+>(
                &self,
                topic: &str,
                key: impl AsRef<[u8]>,
                value: &T,
            ) -> Result<(), ProducerError> {
                self.record(topic).key(key.as_ref()).$value(value).send()
            }
        }
    };
}

rws_kafka_schema::written_formats!(format_methods);
