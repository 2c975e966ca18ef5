//! What is going on, as plain data for a status page.

use crate::readiness::BrokerState;
use serde::Serialize;
use std::fmt;

/// Everything that is known at one moment; see [`Observer::status`](crate::Observer::status).
///
/// It holds no secret. Names of topics, groups and clients, and the words of errors, come from
/// users: whoever shows them escapes them.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The brokers that clients know, by client and name.
    pub brokers: Vec<BrokerStatus>,
    /// The producers that are open, by client.
    pub producers: Vec<ProducerStatus>,
    /// The consumers that run, or that ended with an error, by group.
    pub consumers: Vec<ConsumerStatus>,
    /// The outboxes that this process relays, by schema.
    pub outboxes: Vec<OutboxStatus>,
    /// The topics whose messages were dead-lettered by this process.
    pub dead_letters: Vec<DeadLetterStatus>,
    /// What went wrong last, the latest first.
    pub errors: Vec<RecentError>,
}

/// A broker as one client sees it. Clients of one `client_id` are one: the worst of them counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BrokerStatus {
    /// The `client_id`.
    pub client: String,
    /// `host:port/id`.
    pub name: String,
    /// `UP`, or librdkafka's word for what keeps it from that (`INIT`, `DOWN`, `CONNECT`, …).
    /// `INIT` is nothing bad: a client connects to a broker when it needs it.
    pub state: String,
    /// Milliseconds from a request to its answer, on average since the statistics before.
    pub round_trip_ms: Option<f64>,
    /// Milliseconds by which the broker held answers back for a quota, on average.
    pub throttle_ms: Option<f64>,
}

/// One producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProducerStatus {
    /// The `client_id`.
    pub client: String,
    /// Whether the broker answered last.
    pub broker: BrokerState,
    /// Messages that were accepted and have no outcome yet.
    pub queued_messages: u64,
    /// The bytes of their keys and payloads.
    pub queued_bytes: u64,
    /// Messages that the broker has acknowledged.
    pub delivered: u64,
    /// Messages that were refused or given up.
    pub failed: u64,
    /// The certificate, credential, permission or setting that keeps it from its work, where one does.
    pub cause: Option<String>,
}

/// One consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The consumer group.
    pub group: String,
    /// The `client_id`.
    pub client: String,
    /// Whether the broker answered last.
    pub broker: BrokerState,
    /// What it does, or what keeps it from that.
    pub state: WorkerState,
    /// Messages behind the latest offsets, over all its partitions; `None` when it is not known.
    pub lag: Option<u64>,
    /// Messages that a handler has, or whose dead letter is on its way.
    pub in_flight: u64,
    /// Messages that were fetched and wait for a handler.
    pub queued_messages: u64,
    /// Bytes of the messages that were fetched and are not done with.
    pub queued_bytes: u64,
    /// How long a handler has had the message that it has had for longest.
    pub oldest_in_flight_ms: Option<u64>,
    /// Messages whose handlers returned `Ok` without asking for a commit, while no handler has ever
    /// asked for one: their offsets do not move. 0 otherwise.
    pub handled_without_commit: u64,
    /// Since the last commit; `None` before the first.
    pub since_last_commit_ms: Option<u64>,
    /// The partitions that are assigned to it, by topic and number.
    pub partitions: Vec<PartitionStatus>,
    /// The topics that it subscribes to and that do not exist.
    pub missing_topics: Vec<String>,
    /// The certificate, credential, permission or setting that keeps it from its work, where one does.
    pub cause: Option<String>,
}

/// One partition of one consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// What is done with it.
    pub state: PartitionState,
    /// The offset after the last message that was fetched.
    pub position: Option<i64>,
    /// The committed offset, where this consumer has committed one.
    pub committed: Option<i64>,
    /// Messages behind the latest offset; `None` when it is not known.
    pub lag: Option<u64>,
}

/// One outbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OutboxStatus {
    /// The schema that its tables are in.
    pub schema: String,
    /// Events that wait; `None` when nobody has counted yet.
    pub backlog: Option<u64>,
    /// Age of the oldest of them, 0 without any.
    pub oldest_age_seconds: Option<u64>,
    /// Events that Kafka has acknowledged, by this process.
    pub published: u64,
    /// Refusals of events by Kafka.
    pub refused: u64,
    /// Events that were put aside.
    pub parked: u64,
}

/// The dead letters of one topic and group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLetterStatus {
    /// The topic that the messages came from.
    pub topic: String,
    /// The group that gave them up.
    pub group: String,
    /// How many, since the start of the process; never 0.
    pub count: u64,
}

/// Something that went wrong, once or several times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecentError {
    /// When it happened last, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Where: `consumer orders-service`, `producer my-service`, …
    pub source: String,
    /// What, on one line.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// What a consumer does, or what keeps it from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WorkerState {
    /// It works, or has nothing to do.
    Ok,
    /// It was told to leave its messages alone.
    Paused,
    /// Its group is between two assignments, or it has not joined yet.
    #[default]
    Rebalancing,
    /// A topic that it subscribes to does not exist.
    #[serde(rename = "missing topic")]
    MissingTopic,
    /// It has work and has committed nothing for the lag timeout.
    Stalled,
    /// It ended with an error.
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

/// What is done with a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PartitionState {
    /// Its messages are fetched and handled.
    #[default]
    Running,
    /// The consumer was told to leave its messages alone.
    Paused,
    /// No more is fetched until what was fetched is handled.
    Full,
    /// A retry topic's, whose next message is not due yet.
    Waiting,
    /// The group takes it back: what is in hand is finished and committed.
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
