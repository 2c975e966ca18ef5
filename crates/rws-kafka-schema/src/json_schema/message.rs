use super::JsonSchemaError;
use crate::schema::Schema;

/// A type that has its own JSON Schema: the schema is registered, and values are checked against it when they
/// are written.
///
/// With the feature `schemars`, every type that derives [`schemars::JsonSchema`] implements it. The schema is
/// in draft 7, which all registries and clients support. The derive needs the crate `schemars` as a
/// dependency of the service.
///
/// Without that feature, or for a schema that is written by hand, implement the trait:
///
/// ```
/// use rws_kafka_schema::Schema;
/// use rws_kafka_schema::json_schema::{JsonSchemaError, JsonSchemaMessage};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Customer {
///     id: u32,
/// }
///
/// impl JsonSchemaMessage for Customer {
///     fn json_message_schema() -> Result<Schema, JsonSchemaError> {
///         Ok(Schema::json(
///             r#"{"title": "Customer", "type": "object", "required": ["id"],
///                 "properties": {"id": {"type": "integer"}}}"#,
///         ))
///     }
/// }
/// ```
///
/// [`schemars::JsonSchema`]: https://docs.rs/schemars/1/schemars/trait.JsonSchema.html
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema of its own",
    note = "derive `schemars::JsonSchema` (feature `schemars`), or implement `JsonSchemaMessage`",
    note = "without a schema of its own, a type is written by the `…_json_schema_latest` methods"
)]
pub trait JsonSchemaMessage {
    /// Returns the schema of this type. It is called once for each topic that the type is sent to, not for
    /// each message.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError`] if the type has no valid schema.
    fn json_message_schema() -> Result<Schema, JsonSchemaError>;
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema + ?Sized> JsonSchemaMessage for T {
    fn json_message_schema() -> Result<Schema, JsonSchemaError> {
        let generator = schemars::generate::SchemaSettings::draft07().into_generator();
        let schema = generator.into_root_schema_for::<T>();
        Ok(Schema::json(schema.as_value().to_string()))
    }
}
