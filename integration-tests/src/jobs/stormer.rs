//! A worker that others are killed, stopped and started beside.

use std::{fmt, path::PathBuf, time::Duration};

use rws_kafka::{ConsumerConfig, KafkaConfig, Observer};
use serde::{Deserialize, Serialize};

use super::{Line, Place};

/// Begins a line with the partitions that the worker owns: their numbers and commas, `;`, and
/// [`REBALANCING`] or nothing.
pub const OWNS: &str = "owns ";
/// Ends the same line while the worker is between two assignments.
pub const REBALANCING: &str = "rebalancing";
/// Begins the last line, which says how the worker stopped.
pub const STOPPED: &str = "stopped ";
/// Ends the last line if nothing was left undone.
pub const CLEAN: &str = "clean";

/// The interval within which a change of the group is noticed.
const HEARTBEAT_MS: &str = "300";

/// A worker that writes down what it handles.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Stormer {
    /// Its number.
    pub worker: usize,
    /// The way in which its group assigns partitions.
    pub protocol: Protocol,
    /// It is considered dead after being silent for this time.
    pub session: Duration,
    /// The brokers, group and topic of the worker.
    pub place: Place,
    /// Where it writes its [`Entry`]s.
    pub journal: PathBuf,
}

/// The way in which a group assigns its partitions.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// All members give back all partitions at each change. The default.
    Eager,
    /// Members give back only the partitions that move.
    Cooperative,
    /// KIP-848: the broker assigns partitions, and members change one after the other.
    Broker,
}

impl Protocol {
    /// Returns the settings of a worker.
    ///
    /// # Panics
    ///
    /// Panics if they are invalid.
    pub fn config(self, brokers: &str, group: &str, session: Duration) -> ConsumerConfig {
        let builder = KafkaConfig::builder()
            .brokers(brokers)
            .consumer_group(group);
        let strategy = match self {
            Self::Eager => "range,roundrobin",
            Self::Cooperative => "cooperative-sticky",
            // Its session is the broker's to set.
            Self::Broker => {
                let builder = builder.property("group.protocol", "consumer");
                return ConsumerConfig::from(builder.build().expect("valid settings"))
                    .observer(Observer::new());
            }
        };
        ConsumerConfig::from(builder.build().expect("valid settings"))
            .observer(Observer::new())
            .property("partition.assignment.strategy", strategy)
            .property("session.timeout.ms", session.as_millis().to_string())
            .property("heartbeat.interval.ms", HEARTBEAT_MS)
    }
}

/// Records that a worker began to handle a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The message's partition.
    pub partition: i32,
    /// The message's offset.
    pub offset: i64,
    /// The worker's number.
    pub worker: usize,
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Line for Entry {
    fn numbers(self) -> Vec<i64> {
        vec![
            self.partition.into(),
            self.offset,
            self.worker as i64,
            self.at_ms,
        ]
    }

    fn of(numbers: &[i64]) -> Option<Self> {
        let &[partition, offset, worker, at_ms] = numbers else {
            return None;
        };
        Some(Self {
            partition: partition.try_into().ok()?,
            offset,
            worker: worker.try_into().ok()?,
            at_ms,
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} at {} ms", self.worker, self.at_ms)
    }
}
