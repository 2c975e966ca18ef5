//! Sending values with schemas, in the transaction that commits the offset of the handled message.

use super::outputs::Outputs;
use rws_kafka_producer::{ProducerError, Record, RecordSender, TypedRecord, TypedSender};
use rws_kafka_schema::registry::SchemaRegistry;

impl Outputs {
    /// Returns a record whose key and value may be typed; see
    /// [`RegistryProducer::record`](rws_kafka_producer::RegistryProducer::record).
    ///
    /// Values are encoded at once, with the registry of [`ExactlyOnceConsumer::output_registry`] if one is
    /// set, otherwise with that of [`KafkaConsumer::with_registry`]. If a schema is not cached, the lane
    /// waits for the registry, but no transaction does.
    ///
    /// ```no_run
    /// # #[cfg(feature = "avro")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use apache_avro::AvroSchema;
    /// use rws_kafka_consumer::KafkaConsumer;
    /// use rws_kafka_schema::registry::SchemaRegistry;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Deserialize, AvroSchema)]
    /// struct OrderCreated {
    ///     order_id: u64,
    /// }
    ///
    /// #[derive(Serialize, AvroSchema)]
    /// struct Invoice {
    ///     order_id: u64,
    /// }
    ///
    /// let registry = SchemaRegistry::confluent("https://schema-registry:8081");
    /// KafkaConsumer::from_env()?
    ///     .subscribe(["orders.created"])?
    ///     .with_registry(registry)
    ///     .exactly_once("invoicing-0")
    ///     .start(|msg, out| {
    ///         let order: OrderCreated = msg.deserialize_avro()?;
    ///         let invoice = Invoice { order_id: order.order_id };
    ///         out.send_avro("invoices", &invoice)?;
    ///         out.record("audit").avro_key(&order.order_id).payload("invoiced").send()?;
    ///         Ok(())
    ///     })
    ///     .join()
    ///     .into_result()?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "avro"))]
    /// # fn main() {}
    /// ```
    ///
    /// [`KafkaConsumer::with_registry`]: crate::KafkaConsumer::with_registry
    /// [`ExactlyOnceConsumer::output_registry`]: crate::ExactlyOnceConsumer::output_registry
    pub fn record<'a>(&'a mut self, topic: &'a str) -> TypedRecord<'a, &'a mut Self> {
        TypedRecord::through(self, topic)
    }
}

impl TypedSender for &mut Outputs {
    fn registry(&self) -> Option<&SchemaRegistry> {
        self.producer()?.registry()
    }
}

impl RecordSender for &mut Outputs {
    fn send_record(self, record: Record<'_>) -> Result<(), ProducerError> {
        self.send_record(record)
    }
}

/// The methods of one format, for types with a schema of their own and for those without. Formats differ only
/// in a bound, a name and words.
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
        impl Outputs {
            #[doc = concat!("Publishes `value` in ", $words, " if the handler succeeds;")]
            /// see [`record`](Self::record).
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// The errors of [`send`](Self::send), [`NoRegistry`](ProducerError::NoRegistry), and
            /// [`Encode`](ProducerError::Encode), whose source is the error of the registry or the schema. A
            /// [`HandlerError`](crate::HandlerError) made from an `Encode` error is permanent, unless the
            /// registry is unavailable.
            pub fn $send<T: $($bound)+>(
                &mut self,
                topic: &str,
                value: &T,
            ) -> Result<(), ProducerError> {
                self.record(topic).$value(value).send()
            }

            /// Publishes `value` to the partition that `key` chooses, as [`send_keyed`](Self::send_keyed)
            /// does.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($send), "`](Self::", stringify!($send), ").")]
            pub fn $send_keyed<T: $($bound)+>(
                &mut self,
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
