//! A transactional outbox on PostgreSQL: an event is published to Kafka if, and only if, the
//! transaction that enqueued it committed; and a deduplicator, so that it takes effect once.
//!
//! ```no_run
//! use rws_kafka_outbox::{Outbox, OutboxRelay, Pool};
//! use rws_kafka_producer::KafkaProducer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::from_env()?; // DATABASE_URL
//! rws_kafka_outbox::migrate(&pool)?;
//! // In the background, once in a process.
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
//! Needs PostgreSQL 13 or newer, and works behind PgBouncer in transaction mode.
//!
//! # What it promises
//!
//! - Each committed event is in Kafka at least once, one that was rolled back never.
//! - Events of one topic and key are first published in the order in which they were enqueued, where
//!   the transactions that enqueue them follow one another; see [`Outbox`].
//! - An event that Kafka refuses holds back only its own key, a partition without a leader only its own
//!   events.
//! - A second delivery of a message has no second effect: [`MessageDeduplicator::process_once`].
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `dedup` | `MessageDeduplicator`, on the consumer | yes |
//! | `json` | `enqueue_typed`: values as JSON | |
//! | `schemars` | the JSON Schema of a type that derives `schemars::JsonSchema` | |
//! | `avro`, `protobuf`, `json-schema` | `enqueue_avro` and so on: values with schemas of a registry | |
//! | `otel` | events carry the trace of an OpenTelemetry span | |
//! | `ssl`, `libz` | those of the producer and the consumer | yes |

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

/// The id of an event, also in its header `rws-message-id`.
pub use uuid::Uuid;

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
