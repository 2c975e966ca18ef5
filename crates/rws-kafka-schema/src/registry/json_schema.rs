//! Encodes and decodes JSON with a JSON Schema from a registry.

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
    /// Declares the JSON Schema of `T` on this registry.
    ///
    /// It takes precedence over the type's own schema ([`JsonSchemaMessage`]) and also serves types without
    /// one. The first message registers it, unless [`with_auto_register`](Self::with_auto_register) is off.
    #[must_use]
    pub fn with_json_schema<T>(self, schema: Schema) -> Self {
        self.with_declared(typeid::of::<T>(), Format::Json, declared(schema))
    }

    /// Encodes `value` as JSON, framed for the registry.
    ///
    /// It is checked against the type's own schema, unless another is declared by
    /// [`with_json_schema`](Self::with_json_schema). The first call for a topic registers that schema, unless
    /// [`with_auto_register`](Self::with_auto_register) is off.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Registry`] if the registry refused the schema or is unavailable,
    /// [`SchemaError::JsonSchema`] if the schema does not allow the value, and [`SchemaError::JsonValue`] if
    /// JSON cannot represent it.
    pub fn encode_json_schema<T: JsonSchemaMessage + Serialize + ?Sized>(
        &self,
        destination: Destination<'_>,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        self.encode_json_schema_by(destination, value, Some(own::<T>))
    }

    /// Encodes `value` as JSON, framed for the registry, for a type without its own schema.
    ///
    /// It is checked against the schema declared for `T` by [`with_json_schema`](Self::with_json_schema), or
    /// otherwise against the latest version of its subject. The latest version is looked up again after
    /// [`with_latest_ttl`](Self::with_latest_ttl).
    ///
    /// # Errors
    ///
    /// Those of [`encode_json_schema`](Self::encode_json_schema), and [`SchemaError::NoSchema`] if the
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

    /// Decodes a framed JSON payload and checks it against the schema that it was written with. `T` needs no
    /// schema.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Framing`] if the payload names no schema, [`SchemaError::Registry`] if the registry
    /// does not return that schema, [`SchemaError::WrongFormat`] if it is not a JSON Schema,
    /// [`SchemaError::JsonSchema`] if it does not allow the payload, and [`SchemaError::JsonPayload`] if the
    /// payload is not of type `T`.
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
