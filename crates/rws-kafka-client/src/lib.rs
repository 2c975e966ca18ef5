//! What the producer and the consumer share of librdkafka.
//!
//! This crate is internal: `rws-kafka-producer` and `rws-kafka-consumer` depend on exactly their own
//! version of it, and it may change with any of theirs. Use those crates, or `rws-kafka`. What users
//! need of it they re-export, such as
//! [`ConnectionCause`](https://docs.rs/rws-kafka-producer/latest/rws_kafka_producer/connection/enum.ConnectionCause.html).
//!
//! - [`Connection`] keeps why a client's brokers cannot be reached, and since when they are down.
//! - [`Logs`] writes librdkafka's log lines, without secrets and not too many of a kind.
//! - [`client_config`] turns settings into a client's configuration, with pauses between two
//!   connections to a broker that lock no account.
//! - [`described`], [`creation_failed`] and [`note_error`] put librdkafka's errors into words.
//! - [`brokers`] reads librdkafka's statistics.
//! - [`Deadline`] is the end of a wait, however long.

mod cause;
mod connection;
mod deadline;
mod errors;
mod logs;
mod mask;
mod properties;
mod reconnect;
mod statistics;
mod tls_probe;

pub use cause::{ConnectionCause, ConnectionError};
pub use connection::Connection;
pub use deadline::Deadline;
pub use errors::{described, note_error};
pub use logs::Logs;
pub use properties::{client_config, creation_failed};
pub use statistics::brokers;
