//! JSON with a JSON Schema through a registry.

use super::codec::{Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::subject::Destination;
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::json_schema::{self, Validator};
use crate::schema::{Format, Resolved, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl SchemaRegistry {
    /// Declares `T`, with a JSON Schema: values of `T` are written with it, which registers it at the
    /// first ([`with_auto_register`](Self::with_auto_register)).
    #[must_use]
    pub fn with_json_schema<T>(self, schema: Schema) -> Self {
        let record = json_schema::full_name(&Resolved::alone(schema.clone()));
        self.with_declared(typeid::of::<T>(), schema, record)
    }

    /// `value` as JSON, checked by the schema that `T` was declared with, or by the latest version of its
    /// subject, and framed for the registry.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::NoSchema`]; [`SchemaError::JsonSchema`] for a value that the schema does not allow,
    /// and [`SchemaError::JsonValue`] for one that JSON has no form for.
    pub fn encode_json_schema<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Json,
        };
        let encoder = self
            .typed()?
            .encoder(target, typeid::of::<T>(), None, Validator::new)?;
        self.frame(encoder.id, |payload| {
            encoder
                .writer
                .encode(value, payload)
                .map_err(|error| error.of(SchemaName::subject(&encoder.subject, encoder.id)))
        })
    }

    /// The value that a framed payload holds as JSON, checked by the schema that it was written with.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] for a payload that names no schema, [`SchemaError::Registry`] for one
    /// that the registry does not give, [`SchemaError::WrongFormat`], [`SchemaError::JsonSchema`] where
    /// the schema does not allow the payload, and [`SchemaError::JsonPayload`] where `T` does not.
    pub fn decode_json_schema<'a, T: DeserializeOwned>(
        &self,
        payload: impl Into<Encoded<'a>>,
    ) -> Result<T, SchemaError> {
        let framed = self.read(payload.into())?;
        let source = Source {
            id: framed.id,
            format: Format::Json,
        };
        let validator = self
            .typed()?
            .decoder(source, typeid::of::<()>(), |written, _| {
                Validator::new(written)
            })?;
        validator
            .decode(&framed.body)
            .map_err(|error| error.of(SchemaName::id(framed.id)))
    }
}
