//! Clients of schema registries, which store the schemas of messages.
//!
//! A [`SchemaRegistry`] looks schemas up, registers them, caches them, and encodes and decodes values with
//! them.
//!
//! ```no_run
//! use rws_kafka_schema::Schema;
//! use rws_kafka_schema::registry::SchemaRegistry;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = SchemaRegistry::confluent("https://schema-registry:8081")
//!     .with_basic_auth("user", "password");
//! let order = Schema::json(r#"{"title": "Order", "type": "object"}"#);
//! assert!(registry.incompatibilities("orders-value", &order)?.is_empty());
//! let id = registry.register("orders-value", &order)?;
//! println!("schema {id}");
//! # Ok(())
//! # }
//! ```

mod auth;
#[cfg(feature = "avro")]
mod avro;
#[cfg(feature = "glue")]
mod aws;
mod backend;
mod client;
#[cfg_attr(
    not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
    allow(dead_code)
)]
mod codec;
mod confluent;
mod error;
#[cfg_attr(
    not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
    allow(dead_code)
)]
mod framed;
mod from_config;
#[cfg(feature = "glue")]
mod glue;
mod headers;
mod http;
mod id;
#[cfg(feature = "json-schema")]
mod json_schema;
mod latest;
#[cfg(feature = "protobuf")]
mod protobuf;
mod recent;
mod redirect;
mod retry;
mod schema_registry;
mod settings;
mod stats;
mod subject;
mod tls;
mod url;

pub use auth::OAuth;
pub use error::RegistryError;
pub use framed::Encoded;
pub use from_config::FromEnvError;
#[cfg(feature = "glue")]
pub use glue::GlueCompatibility;
pub use id::SchemaId;
pub use schema_registry::{SchemaRegistry, Version};
pub use stats::RegistryStats;
pub use subject::{Destination, Role, SubjectName, SubjectNameStrategy};
pub use tls::RegistryTls;
