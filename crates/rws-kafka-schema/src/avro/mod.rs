//! Avro's binary encoding, with serde.
//!
//! The schemas and the encoding follow [the specification](https://avro.apache.org/docs/1.12.0/specification/).
//! serde's types map to them as in apache-avro, whose derive provides a type's schema. In addition:
//!
//! - An `f64` is written to a `float` as the nearest value. It is refused if it is out of range.
//! - A whole number is written to a `float` or `double` that can represent exactly this number.
//! - A map (`serde_json::Value`, a struct with flattened fields) is written to a union of several records as
//!   the record that has all its fields and the fewest others.

mod defaults;
mod derived;
mod error;
mod parse;
mod plan;
mod reader;
#[cfg(test)]
mod tests;
mod types;
mod uuid;
mod varint;
mod writer;

pub use error::AvroError;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use crate::schema::{Resolved, Schema};
use apache_avro::AvroSchema;

/// A type that has its own Avro schema, which is registered. Values are written with it and read according to
/// it.
///
/// Every type that derives apache-avro's `AvroSchema` implements it. The derive needs the crates
/// `apache-avro` (feature `derive`) and `serde_json` as dependencies of the service. A derived `u64` is a
/// `long` in the schema: a value above 9,223,372,036,854,775,807 is refused when it is written.
///
/// ```
/// use apache_avro::AvroSchema;
/// use rws_kafka_schema::avro::AvroMessage;
///
/// #[derive(AvroSchema, serde::Serialize, serde::Deserialize)]
/// struct OrderCreated {
///     order_id: u64,
///     #[avro(default = "0")]
///     amount_cents: u64,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let schema = OrderCreated::avro_schema()?;
/// assert!(schema.text().contains(r#""name":"OrderCreated""#));
/// # Ok(())
/// # }
/// ```
///
/// For a schema that is written by hand or has [references](Schema::with_reference), implement the trait:
///
/// ```
/// use rws_kafka_schema::Schema;
/// use rws_kafka_schema::avro::{AvroError, AvroMessage};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Customer {
///     id: u32,
/// }
///
/// impl AvroMessage for Customer {
///     fn avro_schema() -> Result<Schema, AvroError> {
///         Ok(Schema::avro(
///             r#"{"type": "record", "name": "Customer", "fields": [{"name": "id", "type": "long"}]}"#,
///         ))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no Avro schema of its own",
    note = "derive `apache_avro::AvroSchema`, or implement `AvroMessage`",
    note = "without a schema of its own, a type is written by the `…_avro_latest` methods and read by the `…_avro_as_written` methods"
)]
pub trait AvroMessage {
    /// Returns the schema of this type. It is called once for each topic or schema id that the type is used
    /// with, not for each message.
    ///
    /// # Errors
    ///
    /// [`AvroError::Schema`] if the derived schema is invalid.
    fn avro_schema() -> Result<Schema, AvroError>;
}

impl<T: AvroSchema + ?Sized> AvroMessage for T {
    fn avro_schema() -> Result<Schema, AvroError> {
        derived::derived::<T>()
    }
}

/// Returns the full name of the schema's record, enum or fixed, if it is one that can be parsed.
pub(crate) fn full_name(schema: &Resolved) -> Option<String> {
    parse::parse(schema).ok()?.full_name().map(str::to_owned)
}
