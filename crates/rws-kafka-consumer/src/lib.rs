//! Kafka consumers as background workers beside a web server.
//!
//! A worker fetches on a thread that always polls, so that slow handlers never lose the group, and
//! handles messages on lanes of their own. Messages of one partition are handled in order; an
//! offset is committed only when its message and all before it are handled.
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
//! # What it promises
//!
//! - A message is handled at least once: its offset moves only after its handler returned `Ok`, or
//!   the broker has acknowledged its dead letter, or you asked for it to be passed over.
//! - A handler that fails or panics gets the message again after a pause; its partition (or key)
//!   waits, the others go on. What follows the last retry is [`FailurePolicy`]'s.
//! - With [`KafkaConsumer::retry_topics`] nobody waits for a failed message: it is handled again from a
//!   topic of its own, not before its delay is over, and out of its order.
//! - Offsets never go back, never pass an unfinished message, and are never committed for a
//!   partition that has gone to another consumer.
//! - A stop or a rebalance waits for the messages in hand, with a deadline, and tells what it left.
//!
//! - With [`KafkaConsumer::start_batch`], handlers take several messages of a partition at a time, and what
//!   fails among them takes no other with it.
//! - With [`KafkaConsumer::exactly_once`], what a handler sends and the offset of its message are
//!   committed together: a reader of committed messages sees each result once.
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
//! | `registry` | `with_registry`; comes with each of the three | |
//! | `testing` | the module `testing`: workers for tests, which need no broker | |
//! | `otel` | traces by OpenTelemetry, see [`rws_kafka_observe::trace`] | |
//!
//! # Traces
//!
//! While a message is handled, the trace of its headers `traceparent` and `tracestate` is current: what
//! the handler publishes, and the message's dead letter, belong to it. Each attempt is a span; see
//! [`rws_kafka_observe::trace`].

mod engine;
mod error;
mod failure;
mod handle;
mod handler;
mod partition;
mod quiet;
mod replay;
mod report;
mod retry;
mod settings;
mod start;
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
pub use rws_kafka_dispatch::{InHand, Ordering, TopicPartition};
pub use settings::config::{ConsumerConfig, GroupProtocol};
pub use settings::consumer::KafkaConsumer;
pub use settings::exactly_once::ExactlyOnceConsumer;
pub use status::{ConsumerStatus, PartitionStatus};

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
