//! Encodes and decodes Avro with a registry.

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
    /// Declares the Avro schema of `T` on this registry.
    ///
    /// It takes precedence over the type's own schema ([`AvroMessage`]) and also serves types without one.
    /// `T` is written with it and read according to it. The first message registers it, unless
    /// [`with_auto_register`](Self::with_auto_register) is off.
    ///
    /// Use it for types of other crates, and for schemas with references, documentation or aliases that the
    /// derived schema lacks.
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
    /// [`SchemaError::Avro`] if the text is not an Avro schema. References are looked up later.
    pub fn with_avro_schema<T>(self, schema: impl Into<Schema>) -> Result<Self, SchemaError> {
        Ok(self.with_declared(typeid::of::<T>(), Format::Avro, declared(schema.into())))
    }

    /// Encodes `value` in Avro, framed for the registry.
    ///
    /// It is written with the type's own schema, unless another is declared by
    /// [`with_avro_schema`](Self::with_avro_schema). The first call for a topic registers that schema, unless
    /// [`with_auto_register`](Self::with_auto_register) is off.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] if the registry refused the schema or is unavailable, and
    /// [`SchemaError::Avro`] if the value does not fit the schema.
    pub fn encode_avro<T: AvroMessage + Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_avro_by(destination, value, Some(own::<T>))
    }

    /// Encodes `value` in Avro, framed for the registry, for a type without its own schema.
    ///
    /// It is written with the schema declared for `T` by [`with_avro_schema`](Self::with_avro_schema), or
    /// otherwise with the latest version of its subject. The latest version is looked up again after
    /// [`with_latest_ttl`](Self::with_latest_ttl).
    ///
    /// # Errors
    ///
    /// Those of [`encode_avro`](Self::encode_avro), and [`SchemaError::NoSchema`] if the subject has no
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

    /// Decodes a framed Avro payload, whichever version of its schema it was written with.
    ///
    /// It is read according to the type's own schema (defaults, promotions, aliases), unless another is
    /// declared by [`with_avro_schema`](Self::with_avro_schema).
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] if the payload names no schema, [`SchemaError::Registry`] if the registry
    /// does not return that schema, [`SchemaError::WrongFormat`] if the schema is not Avro, and
    /// [`SchemaError::Avro`] if the schemas, the payload and `T` do not fit.
    pub fn decode_avro<'a, T: AvroMessage + DeserializeOwned>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<T, SchemaError> {
        self.decode_avro_by(payload.into(), Some(own::<T>))
    }

    /// Decodes a framed Avro payload, for a type without its own schema.
    ///
    /// It is read as it was written, unless a schema is declared for `T` by
    /// [`with_avro_schema`](Self::with_avro_schema).
    ///
    /// # Errors
    ///
    /// Those of [`decode_avro`](Self::decode_avro).
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
