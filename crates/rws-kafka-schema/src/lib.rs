//! Typed Kafka messages: codecs for JSON, Avro and Protobuf, and the wire formats of schema registries.
//!
//! ```
//! # #[cfg(feature = "json")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct OrderCreated {
//!     order_id: u64,
//!     amount_cents: u64,
//! }
//!
//! let order = OrderCreated { order_id: 1, amount_cents: 9900 };
//! let payload = rws_kafka_schema::json::encode(&order)?;
//! assert_eq!(payload, br#"{"order_id":1,"amount_cents":9900}"#);
//! assert_eq!(rws_kafka_schema::json::decode::<OrderCreated>(&payload)?, order);
//!
//! let error = rws_kafka_schema::json::decode::<OrderCreated>(br#"{"order_id":"one"}"#).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "the payload is not JSON of the requested type, at line 1 column 17, in order_id"
//! );
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "json"))]
//! # fn main() {}
//! ```
//!
//! The producer and consumer crates have methods for all of this under features of the same names. This
//! crate does not depend on them or on any Kafka client.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `json` | `json`: JSON with serde; errors have line, column and path | |
//! | `registry` | `registry`: schema registries with Confluent's API; enabled by all features below | |
//! | `glue` | `registry::SchemaRegistry::glue`: AWS Glue | |
//! | `avro` | `avro`: Avro with serde | |
//! | `protobuf` | `protobuf`: Protobuf with prost | |
//! | `json-schema` | `json_schema`: JSON that is checked against a JSON Schema | |
//! | `schemars` | the JSON Schema of types that derive `schemars::JsonSchema` | |

#[cfg(feature = "avro")]
pub mod avro;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "json-schema")]
pub mod json_schema;
#[cfg(feature = "registry")]
mod outside;
#[cfg(feature = "protobuf")]
pub mod protobuf;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "registry")]
mod schema;
pub mod wire;
#[cfg(feature = "registry")]
mod written_formats;

#[cfg(feature = "avro")]
pub use avro::AvroError;
pub use error::SchemaError;
#[cfg(feature = "registry")]
pub use error::SchemaName;
#[cfg(feature = "registry")]
pub use schema::{Format, Reference, Schema};

// The example in the README, compiled as a documentation test.
#[cfg(all(doctest, feature = "avro"))]
#[doc = include_str!("../README.md")]
mod readme {}
