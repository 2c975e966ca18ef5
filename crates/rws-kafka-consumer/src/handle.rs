use crate::engine::{self, Engine};
use crate::error::ConsumerError;
use crate::topic_partition::TopicPartition;
use rws_kafka_producer::connection::ConnectionCause;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running worker. Clones are one worker; dropping them all leaves it running.
#[derive(Clone)]
pub struct ConsumerHandle {
    engine: Arc<Engine>,
}

/// How a worker ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StopReport {
    /// Messages that were fetched and never handed to the handler. They come again.
    pub unstarted: usize,
    /// Messages that a handler still had in hand at the deadline. They come again, too.
    pub unfinished: usize,
    /// Partitions with finished messages whose offset the broker had not confirmed at the deadline.
    pub uncommitted: usize,
    /// Whether the group was left in order; if not, its partitions go to others only after the
    /// session timeout.
    pub left_group: bool,
    /// What ended the worker, if nobody asked for it.
    pub error: Option<ConsumerError>,
}

impl StopReport {
    /// True when every message that was begun is finished, every commit that was asked for is
    /// confirmed, and the group was left in order.
    pub fn is_clean(&self) -> bool {
        self.unfinished == 0 && self.uncommitted == 0 && self.left_group && self.error.is_none()
    }

    pub(crate) fn log(&self, group: &str) {
        if self.is_clean() {
            tracing::info!(target: "rws_kafka", group, unstarted = self.unstarted, "consumer stopped");
        } else {
            tracing::error!(
                target: "rws_kafka",
                group,
                unstarted = self.unstarted,
                unfinished = self.unfinished,
                uncommitted = self.uncommitted,
                left_group = self.left_group,
                error = self.error.as_ref().map(tracing::field::display),
                "consumer stopped with work undone"
            );
        }
    }
}

/// What a worker is doing at this moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The partitions it has, with how they stand.
    pub assignment: Vec<PartitionStatus>,
    /// Whether the group is between two assignments, or was not joined yet.
    pub rebalancing: bool,
    /// Partitions of which a handler has a message in hand.
    pub in_hand: usize,
    /// Why the brokers cannot be reached, while they cannot.
    pub connection: Option<ConnectionCause>,
    /// The last error, however long ago.
    pub last_error: Option<ConsumerError>,
    /// Whether the worker has ended.
    pub stopped: bool,
}

/// How an assigned partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The partition.
    pub partition: TopicPartition,
    /// Messages fetched and not finished.
    pub in_flight: usize,
    /// The offset last committed in this assignment.
    pub committed: Option<i64>,
}

/// What waiting for the group takes beyond the deadline of a stop.
const LEAVE: Duration = Duration::from_secs(2);

impl ConsumerHandle {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Asks the worker to stop and returns at once; [`join`](Self::join) tells when it has.
    pub fn initiate_stop(&self) {
        self.engine.stop.ask(self.engine.settings.drain_timeout);
    }

    /// Stops the worker: hands out no more messages, waits for those in hand, commits, leaves the
    /// group; all within the [`drain_timeout`](crate::ConsumerConfig::drain_timeout).
    ///
    /// Messages that were fetched and not begun are dropped and come again. Called from within a
    /// handler it waits for that handler, and so for the whole timeout: call
    /// [`initiate_stop`](Self::initiate_stop) there.
    pub fn stop(&self) -> StopReport {
        self.stop_within(self.engine.settings.drain_timeout)
    }

    /// As [`stop`](Self::stop), within `timeout`. Takes up to two seconds more when the broker does
    /// not answer.
    pub fn stop_within(&self, timeout: Duration) -> StopReport {
        self.engine.stop.ask(timeout);
        let until = Instant::now().checked_add(timeout.saturating_add(LEAVE));
        self.engine.stop.wait(until).unwrap_or_else(|| StopReport {
            // The poll thread is still in a rebalance that began before the stop.
            unfinished: self.engine.in_hand(),
            ..StopReport::default()
        })
    }

    /// Waits until the worker has ended, however long it runs.
    pub fn join(&self) -> StopReport {
        self.engine.stop.wait(None).unwrap_or_default()
    }

    /// Waits until the worker has ended, for `timeout` at most.
    pub fn join_timeout(&self, timeout: Duration) -> Option<StopReport> {
        self.engine.stop.wait(Instant::now().checked_add(timeout))
    }

    /// Waits until the group has given the worker its partitions, for `timeout` at most; true when
    /// it has. An assignment of none counts.
    pub fn wait_ready(&self, timeout: Duration) -> bool {
        self.engine.wait_assigned(engine::deadline_in(timeout))
    }

    /// What the worker is doing at this moment.
    pub fn status(&self) -> ConsumerStatus {
        let engine = &self.engine;
        ConsumerStatus {
            assignment: engine
                .partitions()
                .iter()
                .map(|partition| {
                    let tracker = partition.tracker();
                    PartitionStatus {
                        partition: partition.name.clone(),
                        in_flight: tracker.held(),
                        committed: tracker.committed(),
                    }
                })
                .collect(),
            rebalancing: !engine.is_settled(),
            in_hand: engine.in_hand(),
            connection: engine.connection.cause(),
            last_error: engine.last_error(),
            stopped: engine.stop.is_over(),
        }
    }
}

impl fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle")
            .field("group", &self.engine.group())
            .field("stopped", &self.engine.stop.is_over())
            .finish_non_exhaustive()
    }
}
