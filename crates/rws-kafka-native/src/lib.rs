//! The functions of librdkafka that `rdkafka` does not offer, behind safe types.
//!
//! This crate is internal: `rws-kafka-consumer` depends on exactly one version of it, and it may change in
//! any release. Use that crate, or `rws-kafka`.
//!
//! - [`PartitionQueue`] takes many messages per call out of one partition's queue, and [`detach`] separates
//!   that queue from the consumer's when the partition is assigned.
//! - [`MainQueue`] is what remains: rebalances and errors. It tells how much there is to poll.
//! - [`Message`] reads a message in librdkafka's memory, including headers whose names are not UTF-8.

mod handle;
mod headers;
mod layout;
mod message;
mod queue;
#[cfg(test)]
mod tests;
mod wake;

pub use message::Message;
pub use queue::{MainQueue, PartitionQueue, detach};
