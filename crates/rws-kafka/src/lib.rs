//! Kafka for services that are written with [rust-web-server].
//!
//! HTTP handlers publish messages and background workers consume them. A graceful stop answers the
//! open requests, finishes and commits the messages in flight, and flushes what was published.
//!
//! ```no_run
//! use rust_web_server::app::App;
//! use rust_web_server::core::New;
//! use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
//! use rws_kafka::{ConsumerContext, KafkaConsumer, KafkaLayer, KafkaProducer, Serve};
//!
//! struct State {
//!     producer: KafkaProducer,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Call this first: from here on, SIGTERM and SIGINT stop the service gracefully.
//! let service = Serve::new().bind()?;
//!
//! // The settings come from `rws.config.toml`, RWS_CONFIG_KAFKA_* and `--kafka-…`.
//! let producer = KafkaProducer::from_env()?;
//!
//! let worker = KafkaConsumer::from_env()?
//!     .subscribe(["orders.created"])?
//!     .start(|msg: ConsumerContext| {
//!         println!("{} at offset {}", msg.topic(), msg.offset());
//!         msg.commit()
//!     });
//!
//! let app = App::with_state(State { producer: producer.clone() })
//!     .post("/orders", |req, _params, _conn, state| {
//!         rws_kafka::respond(|| {
//!             state.producer.send("orders.created", rws_kafka::body(req)?)?;
//!             let accepted = STATUS_CODE_REASON_PHRASE.n202_accepted;
//!             Ok(Response::get_response(accepted, None, None))
//!         })
//!     })
//!     .wrap(KafkaLayer::new()); // adds Kafka to /readyz and /metrics
//!
//! // Blocks until SIGTERM or SIGINT.
//! let report = rws_kafka::serve(app, service.producer(producer).worker(worker))?;
//! println!("{}", report.into_result()?);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to start
//!
//! | to | use |
//! |---|---|
//! | publish | [`KafkaProducer`] |
//! | consume | [`KafkaConsumer`]; its handler gets a [`ConsumerContext`] or a [`MessageBatch`] |
//! | decide what happens to a failed message | [`FailurePolicy`] |
//! | consume and publish in one transaction | [`ExactlyOnceConsumer`], [`TransactionalProducer`] |
//! | publish dead letters again | [`Replay`] |
//! | start and stop a service with an HTTP server | [`serve`](serve()), [`Serve`] |
//! | start and stop a service that only consumes | [`run`], [`Serve`] |
//! | show Kafka's state in `/readyz`, `/metrics` and on a status page | [`KafkaLayer`] |
//! | return errors from an HTTP handler with `?` | [`respond`](respond()), [`body`](body()) |
//!
//! # Versions of the server
//!
//! This crate works with the HTTP/1.1 build of rust-web-server 17.24 to 18.25. A service that depends
//! on version 17 needs the same version here:
//! `cargo update -p rust-web-server@18.7.0 --precise 17.24.0`. Versions from 18.8 on state Rust 1.99,
//! but compile with Rust 1.95 if cargo gets `--ignore-rust-version`.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `ssl` | TLS to the brokers, SASL SCRAM and OAUTHBEARER, with the system's OpenSSL | yes |
//! | `libz` | gzip compression | yes |
//! | `zstd` | zstd compression | |
//! | `vendored` | `ssl` with an OpenSSL built from source; set `ssl_ca_file` to the CA file | |
//! | `embedded` | `embedded::Broker`: a broker in this process, for demos and tests | |
//! | `testing` | the module `testing`: tests of handlers and producers without a broker | |
//! | `outbox` | `outbox`, `dedup`: a transactional outbox and a deduplicator on PostgreSQL | |
//! | `json` (or `serde`) | `send_typed`, `deserialize_json`: values as JSON | |
//! | `avro` | `send_avro`, `deserialize_avro`, `schema_registry` | |
//! | `protobuf` | `send_protobuf`, `deserialize_protobuf`, `schema_registry` | |
//! | `glue` | `SchemaRegistry::glue`: AWS Glue | |
//! | `schemars` | the JSON Schema of types that derive `schemars::JsonSchema` | |
//! | `json-schema` | `send_json_schema`, `deserialize_json_schema`, `schema_registry` | |
//! | `otel` | spans and trace contexts of OpenTelemetry, see [`trace`] | |
//!
//! [rust-web-server]: https://github.com/bohdaq/rust-web-server

mod body;
#[cfg(feature = "embedded")]
pub mod embedded;
mod layer;
mod message;
#[cfg(doctest)]
mod pages;
mod respond;
mod serve;
pub mod trace;

pub use body::{BodyError, body};
pub use layer::KafkaLayer;
pub use respond::respond;
pub use serve::{FailedStage, Serve, ServeError, ServeReport, Stopper, UncleanStop, run, serve};

pub use rws_kafka_config::{ConfigError, KafkaConfig};
pub use rws_kafka_consumer::{
    Assigned, Backoff, BatchIndex, CircuitBreaker, ConsumerConfig, ConsumerContext, ConsumerError,
    ConsumerHandle, ConsumerStatus, DeadLetter, DeadLetterHeaders, ErrorClass, ExactlyOnceConsumer,
    FailurePolicy, GroupProtocol, HandlerError, HandlerResult, KafkaConsumer, LeftReason,
    MessageBatch, Ordering, Outputs, Replay, ReplayHandle, ReplayPartition, ReplayPreview,
    ReplayReport, ReplayStatus, ReplayTimestamp, Revoked, StopDetails, StopReport, TopicPartition,
};
pub use rws_kafka_observe::{Observer, Readiness};
pub use rws_kafka_producer::{
    Delivery, FlushReport, KafkaProducer, ProducerConfig, ProducerError, Record, Transaction,
    TransactionalProducer,
};

#[cfg(any(feature = "json", feature = "registry"))]
pub mod schema;
#[cfg(feature = "registry")]
pub mod schema_registry;

/// Runs handlers and producers in tests, without a broker.
#[cfg(feature = "testing")]
#[doc(inline)]
pub use rws_kafka_consumer::testing;

/// A transactional outbox on PostgreSQL, its relay, and functions to list, requeue and discard events.
#[cfg(feature = "outbox")]
pub mod outbox {
    pub use rws_kafka_outbox::{
        AnyTransaction, AsyncTransaction, Connection, Event, MESSAGE_ID_HEADER, MIGRATIONS,
        OnRefusal, Outbox, OutboxError, OutboxRelay, Pool, RelayHandle, RelayOrdering, RelayReport,
        RelayStatus, Schema, Transaction, TroubledEvent, TroubledState, Uuid, discard, list,
        migrate, migrate_async, requeue,
    };
}

/// A deduplicator: a message takes effect once, even if it is consumed several times.
#[cfg(feature = "outbox")]
pub mod dedup {
    pub use rws_kafka_outbox::{Claim, MessageDeduplicator};
}

// For the items that are not named above.
#[doc(no_inline)]
pub use {
    rws_kafka_config as config, rws_kafka_consumer as consumer, rws_kafka_observe as observe,
    rws_kafka_producer as producer,
};
