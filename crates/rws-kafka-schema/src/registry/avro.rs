//! Avro through a registry.

use super::codec::{Choice, OwnSchema, Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::settings::Declared;
use super::subject::Destination;
use crate::avro::{self, AvroMessage, Reader, Writer};
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::schema::{Format, Resolved, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl SchemaRegistry {
    /// Declares the schema of `T` on this registry. It wins over the schema that `T` has itself
    /// ([`AvroMessage`]), and serves a type that has none: `T` is written with it, which registers it at
    /// the first message ([`with_auto_register`](Self::with_auto_register)), and read as it says.
    ///
    /// For a type of another crate, and for a schema with references, documentation or aliases that
    /// the derived one lacks.
    ///
    /// ```
    /// use rws_kafka_schema::registry::SchemaRegistry;
    /// use rws_kafka_schema::{Reference, Schema};
    ///
    /// struct Order;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let order = Schema::avro(
    ///     r#"{"type": "record", "name": "Order", "namespace": "shop",
    ///         "fields": [{"name": "customer", "type": "shop.Customer"}]}"#,
    /// )
    /// .with_reference(Reference::new("shop.Customer", "shop.Customer", 1));
    /// let registry = SchemaRegistry::confluent("http://schema-registry:8081")
    ///     .with_avro_schema::<Order>(order)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError::Avro`] for what is no schema in Avro. What it refers to is looked up later.
    pub fn with_avro_schema<T>(self, schema: impl Into<Schema>) -> Result<Self, SchemaError> {
        Ok(self.with_declared(typeid::of::<T>(), Format::Avro, declared(schema.into())))
    }

    /// Returns `value` in Avro, framed for the registry. It is written with the schema that `T` has
    /// itself, unless another is declared by [`with_avro_schema`](Self::with_avro_schema); the first
    /// call for a topic registers that schema ([`with_auto_register`](Self::with_auto_register)).
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::Avro`] for a value that does not fit the schema.
    pub fn encode_avro<T: AvroMessage + Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_avro_by(destination, value, Some(own::<T>))
    }

    /// Returns `value` in Avro, framed for the registry, for a type without a schema of its own. It is
    /// written with the latest version of its subject, which is asked for again after
    /// [`with_latest_ttl`](Self::with_latest_ttl), unless a schema is declared for `T` by
    /// [`with_avro_schema`](Self::with_avro_schema).
    ///
    /// # Errors
    ///
    /// As [`encode_avro`](Self::encode_avro), and [`SchemaError::NoSchema`] where the subject has no
    /// version yet.
    pub fn encode_avro_latest<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_avro_by(destination, value, None)
    }

    fn encode_avro_by<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
        own: Option<OwnSchema>,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Avro,
            choice: Choice::of(own),
        };
        let encoder = self
            .typed()?
            .encoder(target, typeid::of::<T>(), own, None, Writer::new)?;
        self.frame(encoder.id, |payload| {
            encoder
                .writer
                .encode(value, payload)
                .map_err(|error| error.of(SchemaName::subject(&encoder.subject, encoder.id)))
        })
    }

    /// Returns the value that a framed payload holds in Avro, whichever version of its schema it was
    /// written with. It is read as the schema says that `T` has itself (defaults, promotions, aliases),
    /// unless another is declared by [`with_avro_schema`](Self::with_avro_schema).
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] for a payload that names no schema, [`SchemaError::Registry`] for one
    /// that the registry does not give, [`SchemaError::WrongFormat`], and [`SchemaError::Avro`] where
    /// schemas, payload and `T` do not fit together.
    pub fn decode_avro<'a, T: AvroMessage + DeserializeOwned>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<T, SchemaError> {
        self.decode_avro_by(payload.into(), Some(own::<T>))
    }

    /// Returns the value that a framed payload holds in Avro, for a type without a schema of its own. It
    /// is read as it was written, unless a schema is declared for `T` by
    /// [`with_avro_schema`](Self::with_avro_schema).
    ///
    /// # Errors
    ///
    /// As [`decode_avro`](Self::decode_avro).
    pub fn decode_avro_as_written<'a, T: DeserializeOwned>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<T, SchemaError> {
        self.decode_avro_by(payload.into(), None)
    }

    fn decode_avro_by<T: DeserializeOwned>(
        &self,
        payload: Encoded<'_>,
        own: Option<OwnSchema>,
    ) -> Result<T, SchemaError> {
        let framed = self.read(payload)?;
        let source = Source {
            id: framed.id,
            format: Format::Avro,
            choice: Choice::of(own),
        };
        let reader = self
            .typed()?
            .decoder(source, typeid::of::<T>(), own, Reader::new)?;
        reader
            .decode(&framed.body)
            .map_err(|error| error.of(SchemaName::id(framed.id)))
    }
}

fn own<T: AvroMessage + ?Sized>() -> Result<Declared, SchemaError> {
    let schema = T::avro_schema().map_err(|error| error.of(SchemaName::of_type::<T>()))?;
    Ok(declared(schema))
}

fn declared(schema: Schema) -> Declared {
    let record = avro::full_name(&Resolved::alone(schema.clone()));
    Declared { schema, record }
}
