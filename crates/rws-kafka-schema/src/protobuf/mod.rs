//! Protocol Buffers with [`prost`].
//!
//! A type needs its full name, by which its place in the schema is found. Either prost-build generates the
//! type with [`enable_type_names`], or the type derives [`prost::Message`] and implements [`prost::Name`] by
//! hand: name and package, and for a nested message also `full_name` with the names of the messages around
//! it. Such a type can be read, and written with the schema that the registry has. A [`ProtobufMessage`] also
//! has its own schema, which is registered.
//!
//! ```
//! use rws_kafka_schema::Schema;
//! use rws_kafka_schema::protobuf::{ProtobufError, ProtobufMessage};
//!
//! #[derive(Clone, PartialEq, prost::Message)]
//! struct Order {
//!     #[prost(uint64, tag = "1")]
//!     id: u64,
//! }
//!
//! impl prost::Name for Order {
//!     const NAME: &'static str = "Order";
//!     const PACKAGE: &'static str = "shop";
//! }
//!
//! impl ProtobufMessage for Order {
//!     fn protobuf_schema() -> Result<Schema, ProtobufError> {
//!         Ok(Schema::protobuf(
//!             r#"syntax = "proto3"; package shop; message Order { uint64 id = 1; }"#,
//!         ))
//!     }
//! }
//! ```
//!
//! [`enable_type_names`]: https://docs.rs/prost-build/0.14/prost_build/struct.Config.html#method.enable_type_names

mod declared;
mod descriptor;
mod descriptor_set;
mod error;
mod file;
mod lexer;
mod message;
mod parser;
mod place;

pub use error::ProtobufError;
pub(crate) use file::File;
pub use message::ProtobufMessage;
pub(crate) use place::Place;
pub use prost::Name;

/// Appends `message` to `to`, without framing.
pub(crate) fn encode<M: prost::Name>(message: &M, to: &mut Vec<u8>) {
    // `encode` returns an error for full buffers, which cannot happen here.
    to.reserve(message.encoded_len());
    message.encode_raw(to);
}

/// Decodes a payload that is one message. Unknown fields are skipped.
///
/// # Errors
///
/// [`ProtobufError::Payload`] with prost's message. Messages nested deeper than 100 levels are refused.
pub(crate) fn decode<M: prost::Name + Default>(payload: &[u8]) -> Result<M, ProtobufError> {
    M::decode(payload).map_err(|source| ProtobufError::Payload {
        message: M::full_name(),
        source,
    })
}

#[cfg(test)]
mod tests;
