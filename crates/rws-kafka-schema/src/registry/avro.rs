//! Avro through a registry.

use super::codec::{Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::subject::Destination;
use crate::avro::{self, AvroMessage, Reader, Writer};
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::schema::{Format, Resolved, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl SchemaRegistry {
    /// Declares `T`, with the schema that `#[derive(AvroSchema)]` gave it: values of `T` are written
    /// with it, which registers it at the first
    /// ([`with_auto_register`](Self::with_auto_register)), and read as it says, whatever they were
    /// written with: defaults, promotions, aliases.
    ///
    /// `u64` travels as `long`, of which it takes 0 to 9,223,372,036,854,775,807.
    ///
    /// ```
    /// use apache_avro::AvroSchema;
    /// use rws_kafka_schema::registry::SchemaRegistry;
    ///
    /// #[derive(AvroSchema, serde::Serialize, serde::Deserialize)]
    /// struct OrderCreated {
    ///     order_id: u64,
    ///     #[avro(default = "0")]
    ///     amount_cents: u64,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = SchemaRegistry::confluent("http://schema-registry:8081")
    ///     .with_avro::<OrderCreated>()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError::Avro`] for a type whose schema is none.
    pub fn with_avro<T: AvroMessage>(self) -> Result<Self, SchemaError> {
        let schema = avro::derived::<T>().map_err(|error| error.of(SchemaName::of_type::<T>()))?;
        self.with_avro_schema::<T>(schema)
    }

    /// Declares `T` as [`with_avro`](Self::with_avro) does, with a schema that was written by hand.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Avro`] for what is no schema in Avro. What it refers to is looked up later.
    pub fn with_avro_schema<T>(self, schema: impl Into<Schema>) -> Result<Self, SchemaError> {
        let schema = schema.into();
        let record = avro::full_name(&Resolved::alone(schema.clone()));
        Ok(self.with_declared(typeid::of::<T>(), schema, record))
    }

    /// `value` in Avro, framed for the registry: with the schema that `T` was declared with, or with
    /// the latest version of its subject.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::NoSchema`]; [`SchemaError::Avro`] for a value that does not fit the schema.
    pub fn encode_avro<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Avro,
        };
        let encoder = self
            .typed()?
            .encoder(target, typeid::of::<T>(), None, Writer::new)?;
        self.frame(encoder.id, |payload| {
            encoder
                .writer
                .encode(value, payload)
                .map_err(|error| error.of(SchemaName::subject(&encoder.subject, encoder.id)))
        })
    }

    /// The value that a framed payload holds in Avro: read as the schema says that `T` was declared
    /// with, or with the one it was written with.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] for a payload that names no schema, [`SchemaError::Registry`] for one
    /// that the registry does not give, [`SchemaError::WrongFormat`], and [`SchemaError::Avro`] where
    /// schemas, payload and `T` do not fit together.
    pub fn decode_avro<'a, T: DeserializeOwned>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<T, SchemaError> {
        let framed = self.read(payload.into())?;
        let source = Source {
            id: framed.id,
            format: Format::Avro,
        };
        let reader = self
            .typed()?
            .decoder(source, typeid::of::<T>(), Reader::new)?;
        reader
            .decode(&framed.body)
            .map_err(|error| error.of(SchemaName::id(framed.id)))
    }
}
