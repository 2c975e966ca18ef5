//! The bytes that schema registries put before a payload or into its headers.
//!
//! | module | format |
//! |---|---|
//! | [`confluent`] | [Confluent]: a zero byte and a 4-byte id, or a GUID in a record header; with Protobuf, message indexes |
//! | [`glue`] | [AWS Glue]: version, compression, a 16-byte UUID |
//!
//! [Confluent]: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
//! [AWS Glue]: https://docs.aws.amazon.com/glue/latest/dg/schema-registry-integrations.html

pub mod confluent;
mod error;
pub mod glue;
mod varint;
#[cfg(feature = "glue")]
pub(crate) mod zlib;

pub use error::FramingError;
#[cfg(feature = "glue")]
pub use zlib::ZlibError;
