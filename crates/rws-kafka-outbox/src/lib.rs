//! A transactional outbox on PostgreSQL: an event is published to Kafka if, and only if, the transaction that
//! enqueued it commits. A deduplicator lets each event take effect only once.
//!
//! ```no_run
//! use rws_kafka_outbox::{Outbox, OutboxRelay, Pool};
//! use rws_kafka_producer::KafkaProducer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::from_env()?; // DATABASE_URL
//! rws_kafka_outbox::migrate(&pool)?;
//! // Start it once per process. It runs in the background.
//! OutboxRelay::from_env(KafkaProducer::from_env()?, &pool)?.start(500);
//!
//! // In a handler:
//! let mut connection = pool.get()?;
//! let mut tx = connection.transaction()?;
//! tx.execute("INSERT INTO orders (id) VALUES (1)", &[])?;
//! let outbox = Outbox::new(&mut tx);
//! outbox.enqueue_keyed("orders.created", "order-1", r#"{"order_id": 1}"#)?;
//! tx.commit()?;
//! # Ok(())
//! # }
//! ```
//!
//! Needs PostgreSQL 13 or newer. Works behind PgBouncer in transaction mode.
//!
//! # Guarantees
//!
//! - A committed event is published to Kafka at least once. An event that was rolled back is never published.
//! - Events of the same topic and key are first published in the order in which they were enqueued, provided
//!   that the transactions that enqueue them do not overlap; see [`Outbox`].
//! - An event that Kafka refuses delays only the events of its own topic and key. A partition without a
//!   leader delays only its own events.
//! - A second delivery of a message has no second effect; see [`MessageDeduplicator::process_once`].
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `dedup` | `MessageDeduplicator`, for consumers | yes |
//! | `json` | `enqueue_typed`: values as JSON | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |
//! | `avro`, `protobuf`, `json-schema` | `enqueue_avro` and so on: values with schemas of a registry | |
//! | `otel` | events carry the trace of an OpenTelemetry span | |
//! | `ssl`, `libz` | the same features of the producer and the consumer | yes |

mod database;
#[cfg(feature = "dedup")]
mod dedup;
mod error;
mod event;
mod operations;
mod outbox;
mod relay;
mod strand;
#[cfg(any(feature = "avro", feature = "json-schema", feature = "protobuf"))]
mod typed;

pub use database::{
    AnyTransaction, AsyncTransaction, Connection, MIGRATIONS, Pool, Schema, Transaction, migrate,
    migrate_async,
};
#[cfg(feature = "dedup")]
pub use dedup::{Claim, MessageDeduplicator};
pub use error::OutboxError;
pub use event::{Event, MESSAGE_ID_HEADER};
pub use operations::{TroubledEvent, TroubledState, discard, list, requeue};
pub use outbox::Outbox;
pub use relay::{OnRefusal, OutboxRelay, RelayHandle, RelayOrdering, RelayReport, RelayStatus};

/// The id of an event, which is also in its header `rws-message-id`.
pub use uuid::Uuid;

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
