use crate::error::ConsumerError;
use rws_kafka_dispatch::{InFlight, TopicPartition};
use rws_kafka_producer::connection::ConnectionCause;
use std::time::SystemTime;

/// The current state of a worker, returned by [`ConsumerHandle::status`](crate::ConsumerHandle::status).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The assigned partitions and their state.
    pub assignment: Vec<PartitionStatus>,
    /// `true` while the group is between two assignments, and before the worker has joined it.
    pub rebalancing: bool,
    /// `true` after [`pause`](crate::ConsumerHandle::pause).
    pub paused: bool,
    /// The number of messages in flight: with a handler, or as dead letters without an acknowledgement.
    pub in_flight: usize,
    /// The message that has been with a handler for the longest time. A stuck handler shows here.
    pub oldest_in_flight: Option<InFlight>,
    /// The number of commits of this worker that the broker has confirmed.
    pub commits: u64,
    /// The number of messages whose handlers returned `Ok` without asking for a commit; 0 once a handler has
    /// asked for one.
    ///
    /// Offsets do not move without a commit: see [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok).
    pub handled_without_commit: u64,
    /// The subscribed topics that do not exist. The worker finds one within seconds of its creation.
    pub missing_topics: Vec<String>,
    /// The missing permission, and the user who needs it; `None` if none is missing.
    pub cause: Option<String>,
    /// Why the brokers are unreachable; `None` while they are reachable.
    pub connection: Option<ConnectionCause>,
    /// The last error, however long ago it occurred.
    pub last_error: Option<ConsumerError>,
    /// `true` once the worker has ended.
    pub stopped: bool,
}

impl ConsumerStatus {
    /// Returns the number of messages that are fetched but not finished, over all partitions.
    pub fn fetched(&self) -> usize {
        self.assignment
            .iter()
            .map(|partition| partition.fetched)
            .sum()
    }

    /// Returns the total lag of all partitions; `None` if the lag of one of them is unknown.
    pub fn lag(&self) -> Option<u64> {
        self.assignment.iter().map(|partition| partition.lag).sum()
    }
}

/// The state of an assigned partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The partition's topic and number.
    pub partition: TopicPartition,
    /// The number of messages that are fetched but not finished.
    pub fetched: usize,
    /// `true` while the worker fetches no more, because the fetched messages fill the partition's share of
    /// [`max_in_flight`](crate::ConsumerConfig::max_in_flight).
    pub paused: bool,
    /// The last offset that was committed in this assignment; `None` if there was none.
    pub committed: Option<i64>,
    /// The time of that commit.
    pub last_commit: Option<SystemTime>,
    /// The number of messages between the committed offset and the end of the partition, measured at most a
    /// few seconds ago; `None` if it is unknown.
    pub lag: Option<u64>,
}
