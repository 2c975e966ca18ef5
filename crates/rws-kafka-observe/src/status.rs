//! The state of all clients, as plain data for a status page.

use crate::readiness::BrokerState;
use serde::Serialize;
use std::fmt;

/// Everything that is known at one moment; returned by [`Observer::status`](crate::Observer::status).
///
/// It contains no secrets. Names of topics, groups and clients, and error messages, come from outside:
/// escape them before you show them.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The brokers that the clients know, sorted by client and name.
    pub brokers: Vec<BrokerStatus>,
    /// The open producers, sorted by client.
    pub producers: Vec<ProducerStatus>,
    /// The consumers that run or that ended with an error, sorted by group.
    pub consumers: Vec<ConsumerStatus>,
    /// The outboxes that this process relays, sorted by schema.
    pub outboxes: Vec<OutboxStatus>,
    /// The topics whose messages this process has dead-lettered.
    pub dead_letters: Vec<DeadLetterStatus>,
    /// The most recent errors, latest first.
    pub errors: Vec<RecentError>,
}

/// A broker as one client sees it. Clients with the same `client_id` are merged: the worst value counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BrokerStatus {
    /// The client's `client_id`.
    pub client: String,
    /// The broker, as `host:port/id`.
    pub name: String,
    /// `UP`, or librdkafka's name for the state of the connection (`INIT`, `DOWN`, `CONNECT`, …). `INIT`
    /// is not an error: a client connects to a broker when it needs it.
    pub state: String,
    /// The average time from a request to its answer since the previous statistics, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// The average time by which the broker delayed answers because of a quota, in milliseconds.
    pub throttle_ms: Option<f64>,
}

/// The status of one producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProducerStatus {
    /// The producer's `client_id`.
    pub client: String,
    /// The result of the last probe of the broker.
    pub broker: BrokerState,
    /// The number of messages in flight: accepted, outcome unknown.
    pub queued_messages: u64,
    /// The size of their keys and payloads, in bytes.
    pub queued_bytes: u64,
    /// The number of messages that the broker has acknowledged.
    pub delivered: u64,
    /// The number of messages that failed permanently.
    pub failed: u64,
    /// The certificate, credential, permission or setting that hinders the producer, if any.
    pub cause: Option<String>,
}

/// The status of one consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The consumer group.
    pub group: String,
    /// The consumer's `client_id`.
    pub client: String,
    /// The result of the last probe of the broker.
    pub broker: BrokerState,
    /// What the consumer does, or what hinders it.
    pub state: WorkerState,
    /// The lag over all its partitions, in messages; `None` if it is unknown.
    pub lag: Option<u64>,
    /// The number of messages that a handler has, or whose dead letter is not acknowledged yet.
    pub in_flight: u64,
    /// The number of messages that were fetched and wait for a handler.
    pub queued_messages: u64,
    /// The size of the messages that were fetched and are not finished, in bytes.
    pub queued_bytes: u64,
    /// The time that the oldest message in flight has been with its handler, in milliseconds.
    pub oldest_in_flight_ms: Option<u64>,
    /// The number of messages whose handlers returned `Ok` without `commit()`, while no handler has ever
    /// called it: their offsets are not committed. Otherwise 0.
    pub handled_without_commit: u64,
    /// The time since the last commit, in milliseconds; `None` before the first.
    pub since_last_commit_ms: Option<u64>,
    /// The assigned partitions, sorted by topic and number.
    pub partitions: Vec<PartitionStatus>,
    /// The subscribed topics that do not exist.
    pub missing_topics: Vec<String>,
    /// The certificate, credential, permission or setting that hinders the consumer, if any.
    pub cause: Option<String>,
}

/// The status of one partition of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// What the consumer does with the partition.
    pub state: PartitionState,
    /// The offset after the last fetched message.
    pub position: Option<i64>,
    /// The committed offset, if this consumer has committed one.
    pub committed: Option<i64>,
    /// The number of messages behind the latest offset; `None` if it is unknown.
    pub lag: Option<u64>,
}

/// The status of one outbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OutboxStatus {
    /// The schema that contains its tables.
    pub schema: String,
    /// The number of events in the outbox; `None` if it is unknown.
    pub backlog: Option<u64>,
    /// The age of the oldest event, in seconds; 0 without events, `None` if it is unknown.
    pub oldest_age_seconds: Option<u64>,
    /// The number of events of this process that Kafka has acknowledged.
    pub published: u64,
    /// The number of times that Kafka refused events.
    pub refused: u64,
    /// The number of events that were parked.
    pub parked: u64,
}

/// The number of dead letters of one topic and group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLetterStatus {
    /// The original topic of the messages.
    pub topic: String,
    /// The group that dead-lettered them.
    pub group: String,
    /// The number of dead letters since the process started; never 0.
    pub count: u64,
}

/// An error that occurred once or several times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecentError {
    /// When it last occurred, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The part in which it occurred: `consumer orders-service`, `producer my-service`, …
    pub source: String,
    /// The error message, on one line.
    pub message: String,
    /// The number of times that it occurred.
    pub count: u64,
}

/// What a consumer does, or what hinders it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WorkerState {
    /// The consumer works, or has nothing to do.
    Ok,
    /// The consumer is paused.
    Paused,
    /// The group is between two assignments, or the consumer has not joined it yet.
    #[default]
    Rebalancing,
    /// A subscribed topic does not exist.
    #[serde(rename = "missing topic")]
    MissingTopic,
    /// The consumer has work and has committed nothing for the lag timeout.
    Stalled,
    /// The consumer ended with an error.
    Failed,
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Paused => "paused",
            Self::Rebalancing => "rebalancing",
            Self::MissingTopic => "missing topic",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
        })
    }
}

/// What a consumer does with a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PartitionState {
    /// Messages are fetched and handled.
    #[default]
    Running,
    /// The consumer is paused.
    Paused,
    /// No more messages are fetched until those fetched are handled.
    Full,
    /// The partition is one of a retry topic, and its next message is not due yet.
    Waiting,
    /// The group revokes the partition: messages in flight are finished and committed.
    Draining,
}

impl fmt::Display for PartitionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Full => "full",
            Self::Waiting => "waiting",
            Self::Draining => "draining",
        })
    }
}
