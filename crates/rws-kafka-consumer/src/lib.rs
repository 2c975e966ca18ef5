//! Kafka consumers that run as background workers, for example beside a web server.
//!
//! A worker polls on a thread of its own, so slow handlers never cost it its place in the group. Handlers run
//! on other threads, the lanes. Messages of one partition are handled in order. An offset is committed only
//! when its message and all messages before it are finished.
//!
//! ```no_run
//! use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created", "payments.completed"])?;
//! let handle = consumer.start(|msg: ConsumerContext| {
//!     println!("topic={} partition={} offset={}", msg.topic(), msg.partition(), msg.offset());
//!     let payload = msg.payload_str()?;
//!     // … process …
//!     msg.commit()?;
//!     Ok(())
//! });
//! handle.join().into_result()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to start
//!
//! - [`KafkaConsumer`] sets a worker up and starts it; [`ConsumerConfig`] contains its settings.
//! - [`ConsumerContext`] is the message that a handler receives, [`MessageBatch`] a batch of messages.
//! - [`HandlerError`] is the error of a handler. [`FailurePolicy`], [`Backoff`] and [`CircuitBreaker`] decide
//!   what happens to a message that failed.
//! - [`ConsumerHandle`] stops a worker and returns its [status](ConsumerStatus) and its [report](StopReport).
//! - [`ExactlyOnceConsumer`] commits the messages that a handler sends together with its offsets.
//! - [`Replay`] publishes dead letters to their original topics again.
//!
//! # Guarantees
//!
//! - A message is handled at least once. Its offset moves only after its handler returned `Ok`, after the
//!   broker has acknowledged its dead letter, or when a policy that you set skips it.
//! - If a handler fails or panics, the message is retried after a pause. Its partition (or key) waits; the
//!   others continue. [`FailurePolicy`] decides what follows the last retry.
//! - With [`KafkaConsumer::retry_topics`], no other message waits for a failed one. It is handled again from
//!   a retry topic, after its delay and out of order.
//! - Committed offsets never move back, never pass an unfinished message, and are never committed for a
//!   partition that belongs to another consumer.
//! - A stop or a rebalance waits for the messages in flight, until a deadline. The report of a stop shows
//!   what was left.
//! - With [`KafkaConsumer::start_batch`], a handler takes several messages of a partition at a time. A
//!   message that fails does not take the others of its batch to the dead letter queue.
//! - With [`KafkaConsumer::exactly_once`], the messages that a handler sends and the offset of its message
//!   are committed together: a `read_committed` consumer sees each result once.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `ssl` | TLS, SASL SCRAM and OAUTHBEARER, by the system's OpenSSL | yes |
//! | `libz` | gzip compression | yes |
//! | `zstd` | zstd compression | |
//! | `vendored` | `ssl` with an OpenSSL built from source; name the CA file in `ssl_ca_file` | |
//! | `json` | `deserialize_json`, `Outputs::send_typed`: values in JSON, by serde | |
//! | `avro` | `deserialize_avro`, `Outputs::send_avro`: values in Avro, by serde and a schema registry | |
//! | `protobuf` | `deserialize_protobuf`, `Outputs::send_protobuf`: values in Protobuf, by prost and a schema registry | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |
//! | `json-schema` | `deserialize_json_schema`, `Outputs::send_json_schema`: values in JSON, checked by a schema registry's JSON Schema | |
//! | `registry` | `with_registry`; enabled by `avro`, `protobuf` and `json-schema` | |
//! | `testing` | the module `testing`: workers for tests, which need no broker | |
//! | `otel` | traces by OpenTelemetry, see [`rws_kafka_observe::trace`] | |
//!
//! # Traces
//!
//! While a message is handled, the trace of its headers `traceparent` and `tracestate` is current: the
//! messages that the handler publishes, and the message's dead letter, belong to it. Each attempt is a span;
//! see [`rws_kafka_observe::trace`].

mod engine;
mod error;
mod failure;
mod handle;
mod handler;
mod partition;
mod replay;
mod report;
mod retry;
mod settings;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

pub use error::ConsumerError;
pub use failure::backoff::Backoff;
pub use failure::breaker::CircuitBreaker;
pub use failure::class::ErrorClass;
pub use failure::dead_letter::DeadLetterHeaders;
pub use failure::policy::FailurePolicy;
pub use handle::ConsumerHandle;
pub use handler::context::ConsumerContext;
pub use handler::error::{HandlerError, HandlerResult};
pub use handler::hooks::{Assigned, AssignedPartition, Revoked};
pub use handler::message_batch::{BatchIndex, MessageBatch};
pub use handler::outputs::Outputs;
pub use handler::payload::PayloadError;
pub use replay::{
    DeadLetter, LeftReason, Replay, ReplayHandle, ReplayPartition, ReplayPreview, ReplayReport,
    ReplayStatus, ReplayTimestamp,
};
pub use report::{StopDetails, StopReport};
pub use rws_kafka_dispatch::{InFlight, Ordering, TopicPartition};
pub use settings::config::{ConsumerConfig, GroupProtocol};
pub use settings::consumer::KafkaConsumer;
pub use settings::exactly_once::ExactlyOnceConsumer;
pub use status::{ConsumerStatus, PartitionStatus};

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
