//! Workers for tests, without a broker.
//!
//! [`TestWorker`] runs a handler with [`TestMessage`]s and records the results: commits, retries, dead
//! letters, outputs. [`Sent`] contains the messages that were published, by the worker's own producers and by
//! handlers; see [`rws_kafka_producer::testing`] for what it does not cover.
//!
//! A test worker differs from a real one as follows:
//!
//! - Handlers run one after the other on the test's thread, whatever the
//!   [`concurrency`](crate::KafkaConsumer::concurrency), so races between handlers do not occur. Messages are
//!   handed out in an order that the [`ordering`](crate::KafkaConsumer::ordering) allows, and always in the
//!   same one.
//! - There is no group. The test assigns and revokes partitions. There are no sessions, generations or
//!   fencing, so commits are never refused because of them.
//! - Time passes between runs, never during one, and only retries, delays and timestamps depend on it.
//!   Offsets are committed at the end of each run, however short the
//!   [`commit_interval`](crate::ConsumerConfig::commit_interval). A
//!   [`commit_sync`](crate::ConsumerContext::commit_sync) is answered at once.
//! - All topics exist with all partitions, including retry topics: nothing is created. A message that is
//!   published to a retry topic is read again from partition 0.
//! - Properties of librdkafka are not checked, and lag is not measured.
//!
//! A test that needs any of these requires Kafka's protocol. The feature `embedded` of `rws-kafka` runs a
//! broker with groups and topics in the test's process; a container provides everything.

mod broker;
mod engine;
mod journal;
mod ledger;
mod message;
mod observed;
#[cfg(test)]
mod tests;
mod worker;

pub use journal::Event;
pub use message::TestMessage;
pub use rws_kafka_producer::testing::{SendFault, Sent, SentRecord, config};
pub use worker::TestWorker;
