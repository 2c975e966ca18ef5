//! JSON with a JSON Schema through a registry.

use super::codec::{Choice, OwnSchema, Source, Target};
use super::framed::Encoded;
use super::schema_registry::SchemaRegistry;
use super::settings::Declared;
use super::subject::Destination;
use crate::error::{CodecError, SchemaError, SchemaName};
use crate::json_schema::{self, JsonSchemaMessage, Validator};
use crate::schema::{Format, Resolved, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl SchemaRegistry {
    /// Declares the JSON Schema of `T` on this registry. It wins over the schema that `T` has itself
    /// ([`JsonSchemaMessage`]), and serves a type that has none: the first value registers it
    /// ([`with_auto_register`](Self::with_auto_register)).
    #[must_use]
    pub fn with_json_schema<T>(self, schema: Schema) -> Self {
        self.with_declared(typeid::of::<T>(), Format::Json, declared(schema))
    }

    /// Returns `value` as JSON, framed for the registry. It is checked by the schema that `T` has itself,
    /// unless another is declared by [`with_json_schema`](Self::with_json_schema); the first call for a
    /// topic registers that schema ([`with_auto_register`](Self::with_auto_register)).
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] tells what the registry refused, or why it could not be asked;
    /// [`SchemaError::JsonSchema`] for a value that the schema does not allow, and
    /// [`SchemaError::JsonValue`] for one that JSON has no form for.
    pub fn encode_json_schema<T: JsonSchemaMessage + Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_json_schema_by(destination, value, Some(own::<T>))
    }

    /// Returns `value` as JSON, framed for the registry, for a type without a schema of its own. It is
    /// checked by the latest version of its subject, which is asked for again after
    /// [`with_latest_ttl`](Self::with_latest_ttl), unless a schema is declared for `T` by
    /// [`with_json_schema`](Self::with_json_schema).
    ///
    /// # Errors
    ///
    /// As [`encode_json_schema`](Self::encode_json_schema), and [`SchemaError::NoSchema`] where the
    /// subject has no version yet.
    pub fn encode_json_schema_latest<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_json_schema_by(destination, value, None)
    }

    fn encode_json_schema_by<T: Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
        own: Option<OwnSchema>,
    ) -> Result<Vec<u8>, SchemaError> {
        let target = Target {
            destination,
            format: Format::Json,
            choice: Choice::of(own),
        };
        let encoder =
            self.typed()?
                .encoder(target, typeid::of::<T>(), own, None, Validator::new)?;
        self.frame(encoder.id, |payload| {
            encoder
                .writer
                .encode(value, payload)
                .map_err(|error| error.of(SchemaName::subject(&encoder.subject, encoder.id)))
        })
    }

    /// Returns the value that a framed payload holds as JSON, checked by the schema that it was written
    /// with; a schema of `T` is not needed.
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
            choice: Choice::Registry,
        };
        let validator = self
            .typed()?
            .decoder(source, typeid::of::<()>(), None, |written, _| {
                Validator::new(written)
            })?;
        validator
            .decode(&framed.body)
            .map_err(|error| error.of(SchemaName::id(framed.id)))
    }
}

fn own<T: JsonSchemaMessage + ?Sized>() -> Result<Declared, SchemaError> {
    let schema = T::json_message_schema().map_err(|error| error.of(SchemaName::of_type::<T>()))?;
    Ok(declared(schema))
}

fn declared(schema: Schema) -> Declared {
    let record = json_schema::full_name(&Resolved::alone(schema.clone()));
    Declared { schema, record }
}
