//! Workers for tests, which need no broker.
//!
//! [`TestWorker`] drives a handler with [`TestMessage`]s, and tells what it has led to: commits, retries,
//! dead letters, outputs. [`Sent`] is the same for producers, of the worker's own and of handlers that
//! publish; see [`rws_kafka_producer::testing`] for what that leaves out.
//!
//! What a worker here does not have:
//!
//! - Handlers run one after the other on the test's thread, whatever the
//!   [`concurrency`](crate::KafkaConsumer::concurrency): what several at a time do to each other does not
//!   show. The order in which messages are handed out is one that the
//!   [`ordering`](crate::KafkaConsumer::ordering) allows, and always the same.
//! - No group: a partition is the worker's when the test gives it, and moves when it says so. Sessions,
//!   fencing, generations are not there, and a commit of what the worker has is never refused for them.
//! - Time passes between two runs, never in one, and only for retries, delays, and what is written of
//!   them. Offsets are committed at the end of each run, however short the
//!   [`commit_interval`](crate::ConsumerConfig::commit_interval); a
//!   [`commit_sync`](crate::ConsumerContext::commit_sync) is answered at once.
//! - Topics are there with all partitions, retry topics as well: nobody makes them, and what goes to one
//!   comes back in partition 0.
//! - Properties of librdkafka's are not checked, and lag is not measured.
//!
//! A test that needs these wants Kafka's protocol: the feature `embedded` of `rws-kafka` has a broker in
//! the test's process, which knows groups and topics, and a container has all of it.

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
