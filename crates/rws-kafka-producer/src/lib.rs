//! Publishing to Kafka from request handlers.
//!
//! A [`KafkaProducer`] is cheap to clone and shared by all handlers. `send` hands a message to
//! librdkafka's queue and returns; the outcome reaches the metrics, the log and, where one is set,
//! [`ProducerConfig::on_delivery`]. [`send_sync`](KafkaProducer::send_sync) and
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
//! [`KafkaProducer::transactional`] makes one whose messages are read all or none: a
//! [`TransactionalProducer`].
//!
//! # What it promises
//!
//! - Idempotent and `acks=all` by default: no duplicates by retry, no acknowledged message lost.
//! - Keys land on the partitions on which Java clients put them (murmur2).
//! - When the queue is full, `send` blocks for up to [`ProducerConfig::max_block`] and then returns
//!   `QueueFull`; nothing is dropped silently: what a close could not deliver is counted, logged and
//!   returned.
//! - A producer heals: when librdkafka's client fails for good, it is replaced behind all clones, and
//!   each message that it held fails with [`ClientFailed`](ProducerError::ClientFailed), once.
//! - Messages sent in a [`Transaction`] become visible to `read_committed` consumers only if it
//!   commits, and then all together.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `ssl` | TLS, SASL SCRAM and OAUTHBEARER, by the system's OpenSSL | yes |
//! | `libz` | gzip compression | yes |
//! | `zstd` | zstd compression | |
//! | `vendored` | `ssl` with an OpenSSL built from source; name the CA file in `ssl_ca_file` | |
//! | `json` | `send_typed`, `send_typed_keyed`: values as JSON, by serde | |
//! | `avro` | `send_avro`: values in Avro, by serde and a schema registry | |
//! | `protobuf` | `send_protobuf`: values in Protobuf, by prost and a schema registry | |
//! | `json-schema` | `send_json_schema`: values as JSON, checked by a schema registry's JSON Schema | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |
//! | `registry` | `with_registry` of producers and transactional ones; comes with each of the three | |
//! | `testing` | the module `testing`: producers for tests, which need no broker | |
//! | `otel` | traces by OpenTelemetry, see [`rws_kafka_observe::trace`] | |
//!
//! # Traces
//!
//! A message that is published while a
//! [`TraceContext`](rws_kafka_observe::trace::TraceContext) is current carries it in the headers
//! `traceparent` and `tracestate`, unless it brings a `traceparent` of its own. Each publish is a span;
//! see [`rws_kafka_observe::trace`].

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
