//! Sends messages to Kafka, from request handlers and from any other code.
//!
//! All handlers share one [`KafkaProducer`], which is cheap to clone. [`send`](KafkaProducer::send) copies a
//! message into librdkafka's queue and returns. Metrics and the log report the outcome, and so does the
//! callback [`ProducerConfig::on_delivery`] if there is one. [`send_sync`](KafkaProducer::send_sync) and
//! [`send_async`](KafkaProducer::send_async) wait for the broker's acknowledgement.
//!
//! ```no_run
//! use rws_kafka_producer::KafkaProducer;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = KafkaProducer::from_env()?; // RWS_CONFIG_KAFKA_*
//! producer.send_keyed("orders.created", "order-1", r#"{"order_id": 1}"#)?;
//!
//! let left = producer.close(Duration::from_secs(5));
//! assert!(left.is_complete(), "{} messages were not delivered", left.undelivered);
//! # Ok(())
//! # }
//! ```
//!
//! [`KafkaProducer::transactional`] creates a [`TransactionalProducer`]: consumers see all messages of one of
//! its transactions, or none.
//!
//! # Guarantees
//!
//! - Producers are idempotent and use `acks=all` by default: a retry causes no duplicate, and no acknowledged
//!   message is lost.
//! - A key selects the same partition as in Java clients (murmur2).
//! - When the queue is full, `send` blocks for up to [`ProducerConfig::max_block`] and then returns
//!   [`QueueFull`](ProducerError::QueueFull).
//! - No message is dropped silently: a close counts, logs and returns how many messages it could not deliver.
//! - A producer recovers by itself: when librdkafka's client fails permanently, the producer replaces it
//!   behind all clones. Each message that the failed client held fails once, with
//!   [`ClientFailed`](ProducerError::ClientFailed).
//! - Messages sent in a [`Transaction`] become visible to `read_committed` consumers only if it
//!   commits, and then all together.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `ssl` | TLS, SASL SCRAM and OAUTHBEARER, with the system's OpenSSL | yes |
//! | `libz` | gzip compression | yes |
//! | `zstd` | zstd compression | |
//! | `vendored` | `ssl` with an OpenSSL built from source; set `ssl_ca_file` to the CA file | |
//! | `json` | `send_typed`, `send_typed_keyed`: values as JSON, with serde | |
//! | `avro` | `send_avro`: values in Avro, with serde and a schema registry | |
//! | `protobuf` | `send_protobuf`: values in Protobuf, with prost and a schema registry | |
//! | `json-schema` | `send_json_schema`: values as JSON, checked against a schema registry's JSON Schema | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |
//! | `registry` | `with_registry` of producers and transactional producers; part of the three above | |
//! | `testing` | the module `testing`: producers for tests that need no broker | |
//! | `otel` | traces with OpenTelemetry, see [`rws_kafka_observe::trace`] | |
//!
//! # Traces
//!
//! A message that is sent while a [`TraceContext`](rws_kafka_observe::trace::TraceContext) is current carries
//! it in the headers `traceparent` and `tracestate`, unless the message already has a `traceparent` header.
//! Each send is a span; see [`rws_kafka_observe::trace`].

mod checks;
mod client;
mod clients;
mod config;
pub mod connection;
mod deliveries;
mod delivery;
mod error;
mod future;
mod in_flight;
mod producer;
mod publish;
mod publisher;
mod record;
mod record_buffer;
mod recorders;
#[cfg(feature = "registry")]
mod registry;
mod room;
#[cfg(feature = "testing")]
pub mod testing;
mod threads;
mod token;
mod transaction;
mod transactional;
mod transport;
mod turns;
#[cfg(feature = "json")]
mod typed;
mod typed_record;
mod waiters;

pub use checks::check_topic_name;
pub use config::{Compression, ProducerConfig};
pub use delivery::{Delivery, DeliveryReport, FlushReport};
pub use error::{InvalidTopic, ProducerError, TransactionStep};
pub use future::DeliveryFuture;
pub use producer::KafkaProducer;
pub use record::{HeaderValue, Record};
pub use record_buffer::RecordBuffer;
#[cfg(feature = "registry")]
pub use registry::RegistryProducer;
pub use transaction::Transaction;
pub use transactional::TransactionalProducer;
#[cfg(feature = "json")]
#[doc(hidden)]
pub use typed::encode_json;
#[cfg(feature = "registry")]
pub use typed_record::TypedSender;
pub use typed_record::{AcknowledgedSender, RecordSender, TypedRecord};

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
