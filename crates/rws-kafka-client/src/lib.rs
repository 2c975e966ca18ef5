//! The code for librdkafka that the producer and the consumer share.
//!
//! This crate is internal: `rws-kafka-producer` and `rws-kafka-consumer` depend on exactly one version of it,
//! and it may change in any release. Use those crates, or `rws-kafka`. They re-export its types that users
//! need, such as
//! [`ConnectionCause`](https://docs.rs/rws-kafka-producer/latest/rws_kafka_producer/connection/enum.ConnectionCause.html).
//!
//! - [`Connection`] records why and since when a client's brokers are unreachable.
//! - [`Logs`] writes librdkafka's log lines, without secrets and limited in number.
//! - [`client_config`] turns settings into a client's configuration. It sets reconnect pauses that are long
//!   enough not to lock an account.
//! - [`described`], [`creation_failed`] and [`note_error`] turn librdkafka's errors into readable ones.
//! - [`brokers`] reads librdkafka's statistics.
//! - [`Deadline`] is the end of a wait of any length.

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
