//! Avro's binary encoding, by serde.
//!
//! The schemas and the encoding are those of [the specification](https://avro.apache.org/docs/1.12.0/specification/);
//! how serde's types map to them is as in apache-avro, whose derive gives a type's schema.

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

pub(crate) use derived::derived;
pub use error::AvroError;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use crate::schema::Resolved;
use apache_avro::AvroSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can travel as Avro with a schema of its own: any type that serde can write and read, and that
/// derives apache-avro's `AvroSchema`.
///
/// The derive needs the crates `apache-avro` (feature `derive`) and `serde_json` among the service's own
/// dependencies.
pub trait AvroMessage: AvroSchema + Serialize + DeserializeOwned {}

impl<T: AvroSchema + Serialize + DeserializeOwned> AvroMessage for T {}

/// The full name of the schema's record, enum or fixed, if it is one that can be parsed.
pub(crate) fn full_name(schema: &Resolved) -> Option<String> {
    parse::parse(schema).ok()?.full_name().map(str::to_owned)
}
