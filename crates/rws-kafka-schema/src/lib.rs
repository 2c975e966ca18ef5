//! Typed Kafka messages: codecs, and the wire formats of schema registries.
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
//! assert_eq!(error.to_string(), "not the JSON that was asked for, at line 1 column 17, in order_id");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "json"))]
//! # fn main() {}
//! ```
//!
//! Producer and consumer have methods for all of it under features of the same names; this crate
//! knows neither, and no Kafka client.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `json` | `json`: JSON by serde, errors with line, column and path | |
//! | `registry` | `registry`: schema registries with Confluent's API; comes with all that follow | |
//! | `glue` | `registry::SchemaRegistry::glue`: AWS Glue | |
//! | `avro` | `avro`: Avro by serde | |
//! | `protobuf` | `protobuf`: Protobuf by prost | |
//! | `json-schema` | `json_schema`: JSON, checked by a JSON Schema | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |

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
