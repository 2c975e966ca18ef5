//! Decoding payloads and keys.

use super::context::ConsumerContext;
use super::payload::PayloadError;
use rws_kafka_schema::SchemaError;
#[cfg(feature = "registry")]
use rws_kafka_schema::registry::{Encoded, SchemaRegistry};
#[cfg(feature = "registry")]
use rws_kafka_schema::wire::confluent::{KEY_HEADER, VALUE_HEADER};
#[cfg(any(feature = "avro", feature = "json", feature = "json-schema"))]
use serde::de::DeserializeOwned;

#[cfg(feature = "json")]
impl ConsumerContext {
    /// Decodes the payload from JSON.
    ///
    /// ```no_run
    /// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct OrderCreated {
    ///     order_id: u64,
    ///     user_id: u64,
    ///     amount_cents: u64,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created"])?;
    /// consumer.start(|msg: ConsumerContext| {
    ///     let event: OrderCreated = msg.deserialize_json()?;
    ///     println!("order {} for user {}", event.order_id, event.user_id);
    ///     msg.commit()
    /// });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PayloadError::Tombstone`], and [`PayloadError::Decode`], whose source contains the line, column and
    /// path of the invalid value. A [`HandlerError`](crate::HandlerError) made from either is permanent: the
    /// message is not retried.
    pub fn deserialize_json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let payload = self.payload().ok_or_else(|| self.tombstone())?;
        rws_kafka_schema::json::decode(payload).map_err(|source| self.undecodable(source))
    }
}

impl ConsumerContext {
    fn tombstone(&self) -> PayloadError {
        PayloadError::Tombstone {
            partition: self.topic_partition(),
            offset: self.offset(),
        }
    }

    fn undecodable(&self, source: SchemaError) -> PayloadError {
        PayloadError::Decode {
            partition: self.topic_partition(),
            offset: self.offset(),
            source: Box::new(source),
        }
    }
}

#[cfg(feature = "registry")]
#[cfg_attr(
    not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
    allow(dead_code)
)]
impl ConsumerContext {
    fn decode_value<T>(
        &self,
        decode: impl FnOnce(&SchemaRegistry, Encoded<'_>) -> Result<T, SchemaError>,
    ) -> Result<T, PayloadError> {
        let payload = self.payload().ok_or_else(|| self.tombstone())?;
        self.decode_part(payload, VALUE_HEADER, decode)
    }

    fn decode_key<T>(
        &self,
        decode: impl FnOnce(&SchemaRegistry, Encoded<'_>) -> Result<T, SchemaError>,
    ) -> Result<T, PayloadError> {
        let key = self.key().ok_or_else(|| PayloadError::NoKey {
            partition: self.topic_partition(),
            offset: self.offset(),
        })?;
        self.decode_part(key, KEY_HEADER, decode)
    }

    fn decode_part<T>(
        &self,
        bytes: &[u8],
        header: &str,
        decode: impl FnOnce(&SchemaRegistry, Encoded<'_>) -> Result<T, SchemaError>,
    ) -> Result<T, PayloadError> {
        let registry = self.registry().ok_or_else(|| PayloadError::NoRegistry {
            partition: self.topic_partition(),
            offset: self.offset(),
        })?;
        let encoded = Encoded::new(bytes).header(self.header(header).flatten());
        decode(registry, encoded).map_err(|source| self.undecodable(source))
    }
}

/// The methods of one format. Formats differ only in a bound, a name and words.
macro_rules! format_methods {
    (
        $feature:literal, $words:literal, $schema:literal, { $($bound:tt)+ },
        $decode:ident, $value:ident, $key:ident
    ) => {
        #[cfg(feature = $feature)]
        impl ConsumerContext {
            #[doc = concat!("Decodes the payload from ", $words, ",")]
            /// in the wire format of the consumer's registry.
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// [`PayloadError::Tombstone`], [`PayloadError::NoRegistry`], and [`PayloadError::Decode`], whose
            /// source is the error of the registry, the schema or the payload. A
            /// [`HandlerError`](crate::HandlerError) made from them is permanent, unless the registry is
            /// unavailable or not set.
            pub fn $value<T: $($bound)+>(&self) -> Result<T, PayloadError> {
                self.decode_value(|registry, encoded| registry.$decode(encoded))
            }

            #[doc = concat!("Decodes the key, as [`Self::", stringify!($value), "`]")]
            /// decodes the payload.
            ///
            /// # Errors
            ///
            #[doc = concat!("The errors of [`Self::", stringify!($value), "`], and")]
            /// [`PayloadError::NoKey`] if the message has no key.
            pub fn $key<T: $($bound)+>(&self) -> Result<T, PayloadError> {
                self.decode_key(|registry, encoded| registry.$decode(encoded))
            }
        }
    };
}

format_methods!(
    "avro",
    "Avro",
    "It is read with the type's own schema \
     ([`AvroMessage`](rws_kafka_schema::avro::AvroMessage)), whichever version it was written \
     with.",
    { rws_kafka_schema::avro::AvroMessage + DeserializeOwned },
    decode_avro,
    deserialize_avro,
    deserialize_avro_key
);
format_methods!(
    "avro",
    "Avro",
    "For a type without a schema of its own. It is read with the schema that was declared for \
     the type \
     ([`with_avro_schema`](rws_kafka_schema::registry::SchemaRegistry::with_avro_schema)), \
     otherwise with the one that it was written with.",
    { DeserializeOwned },
    decode_avro_as_written,
    deserialize_avro_as_written,
    deserialize_avro_key_as_written
);
format_methods!(
    "protobuf",
    "Protobuf",
    "The type needs no schema, but its name must be that of the message type that was written.",
    { rws_kafka_schema::protobuf::Name + Default },
    decode_protobuf,
    deserialize_protobuf,
    deserialize_protobuf_key
);
format_methods!(
    "json-schema",
    "JSON, checked by its JSON Schema",
    "The type needs no schema. The value must match the schema that it was written with.",
    { DeserializeOwned },
    decode_json_schema,
    deserialize_json_schema,
    deserialize_json_schema_key
);
