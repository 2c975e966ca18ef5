//! The jobs of the program `child`, which runs in its own process so that a test can kill, pause
//! or stop it.
//!
//! A test describes it as a [`Job`]; `src/bin/child` does it.

pub mod copier;
mod lines;
pub mod retrier;
pub mod static_member;
pub mod stormer;

use std::time::Duration;

use rws_kafka::{ConsumerConfig, KafkaConfig, Observer};
use serde::{Deserialize, Serialize};

pub use self::lines::{LINE, Line, Pen, read_lines};
use crate::child::Program;

/// A job for a process of the program `child`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Commits each tenth message of large batches, and prints each message.
    CommitWithinBatches {
        /// The brokers, group and topic of the worker.
        place: Place,
        /// The number of messages of a batch.
        batch: usize,
        /// The number of lanes.
        lanes: usize,
    },
    /// Copies messages in transactions.
    Copy(copier::Copier),
    /// Fails the messages that `poison` names, and so sends them to a dead letter queue.
    DeadLetter {
        /// The brokers, group and topic of the worker.
        place: Place,
        /// The dead letter queue.
        queue: String,
        /// Which messages fail.
        poison: Poison,
        /// The interval between commits of offsets.
        commit_interval: Duration,
    },
    /// Starts a cluster of brokers and keeps it.
    HoldCluster,
    /// Prints each message that it handles.
    Print(Place),
    /// Enqueues an event and relays it, with settings from the environment.
    PublishByOutbox {
        /// The event's topic.
        topic: String,
    },
    /// Relays the events of an outbox.
    Relay {
        /// The brokers' addresses.
        brokers: String,
        /// The database's URL.
        database: String,
        /// The most events of a batch.
        batch: usize,
    },
    /// Replays a dead letter queue, slowly.
    Replay {
        /// The brokers' addresses.
        brokers: String,
        /// The dead letter queue.
        queue: String,
        /// The group of the replay.
        group: String,
        /// The number of messages of a batch.
        batch: usize,
    },
    /// Fails messages as often as their numbers say, with retry topics.
    Retry(retrier::Retrier),
    /// Publishes and consumes one message, with settings from the environment.
    RoundTrip {
        /// The message's topic.
        topic: String,
    },
    /// Serves the metrics of a producer, a worker and a schema registry until SIGTERM.
    ServeMetrics {
        /// The brokers, group and topic of the worker.
        place: Place,
        /// The dead letter queue.
        queue: String,
        /// The schema registry's URL.
        registry: String,
    },
    /// Commits each message as a static member of its group.
    StaticMember(static_member::StaticMember),
    /// Works in a storm until SIGTERM.
    Storm(stormer::Stormer),
}

impl Job {
    /// Returns the program that does it: `path` is `env!("CARGO_BIN_EXE_child")`, which only a test
    /// can name.
    pub fn program(&self, path: &str) -> Program {
        Program::new(path).argument(self.write())
    }

    /// Writes it as an argument of the program.
    ///
    /// # Panics
    ///
    /// Panics if it contains a path that is not text.
    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("JSON")
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Panics
    ///
    /// Panics if `text` is not a job.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text} is not a job: {error}"))
    }
}

/// The brokers, group and topic of a worker.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The brokers' addresses.
    pub brokers: String,
    /// The worker's group.
    pub group: String,
    /// The topic that it reads.
    pub topic: String,
}

impl Place {
    /// Returns settings for the place, with the shortest session that a broker allows: until its
    /// end, a killed member keeps its partitions.
    ///
    /// # Panics
    ///
    /// Panics if the settings are invalid.
    pub fn config(&self) -> ConsumerConfig {
        let config = KafkaConfig::builder()
            .brokers(&self.brokers)
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .build();
        ConsumerConfig::from(config.expect("valid settings")).observer(Observer::new())
    }
}

/// Messages that fail permanently.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Poison {
    /// The message at offset 2 of partition 0.
    Third,
    /// The messages at even offsets.
    EverySecond,
}

impl Poison {
    /// Returns `true` if the message of this partition at this offset fails.
    pub fn is_at(self, partition: i32, offset: i64) -> bool {
        match self {
            Self::Third => (partition, offset) == (0, 2),
            Self::EverySecond => offset % 2 == 0,
        }
    }
}
