use crate::error::ConsumerError;
use rws_kafka_dispatch::{InHand, TopicPartition};
use rws_kafka_producer::connection::ConnectionCause;
use std::time::SystemTime;

/// What a worker is doing at this moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The partitions it has, with how they stand.
    pub assignment: Vec<PartitionStatus>,
    /// Whether the group is between two assignments, or was not joined yet.
    pub rebalancing: bool,
    /// Whether [`pause`](crate::ConsumerHandle::pause) was asked for.
    pub paused: bool,
    /// Messages in hand: with a handler, or as dead letters on their way.
    pub in_hand: usize,
    /// The message that a handler has had in hand for longest: a stuck handler shows here.
    pub oldest_in_hand: Option<InHand>,
    /// How often the broker has taken offsets from this worker.
    pub commits: u64,
    /// Messages whose handlers returned `Ok` without asking for a commit; 0 once a handler has asked
    /// for one. Offsets do not move by themselves: see
    /// [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok).
    pub handled_without_commit: u64,
    /// The topics that it subscribes to and that do not exist. One that is created is found within
    /// seconds.
    pub missing_topics: Vec<String>,
    /// The permission that keeps it from its work, and who needs it; `None` where none does.
    pub cause: Option<String>,
    /// Why the brokers cannot be reached, while they cannot.
    pub connection: Option<ConnectionCause>,
    /// The last error, however long ago.
    pub last_error: Option<ConsumerError>,
    /// Whether the worker has ended.
    pub stopped: bool,
}

impl ConsumerStatus {
    /// Messages fetched and not finished, of all partitions together.
    pub fn in_flight(&self) -> usize {
        self.assignment
            .iter()
            .map(|partition| partition.in_flight)
            .sum()
    }

    /// Messages behind the ends of the partitions, all together; `None` where one is not known.
    pub fn lag(&self) -> Option<u64> {
        self.assignment.iter().map(|partition| partition.lag).sum()
    }
}

/// How an assigned partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The partition.
    pub partition: TopicPartition,
    /// Messages fetched and not finished.
    pub in_flight: usize,
    /// Whether no more is fetched, as what was fetched fills the partition's share of
    /// [`max_in_flight`](crate::ConsumerConfig::max_in_flight).
    pub paused: bool,
    /// The offset last committed in this assignment.
    pub committed: Option<i64>,
    /// When that was.
    pub last_commit: Option<SystemTime>,
    /// Messages between the committed offset and the end of the partition, when it was last
    /// measured, at most a few seconds ago; `None` when that is not known.
    pub lag: Option<u64>,
}
