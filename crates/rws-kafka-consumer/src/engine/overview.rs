//! The status of a worker, for users and for the observer.

use super::shared::Engine;
use crate::partition::Partition;
use rws_kafka_observe::{ConsumerStatus, PartitionState, PartitionStatus, Source};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl Source<ConsumerStatus> for Engine {
    fn fill(&self, status: &mut ConsumerStatus) {
        let is_paused = self.scheduler.is_paused();
        let now = self.clock.now();
        let mut unfinished = 0;
        for partition in self.partitions() {
            let (shown, held) = overview(&partition, is_paused, now);
            unfinished += held.unfinished as u64;
            status.queued_bytes += held.bytes as u64;
            status.partitions.push(shown);
        }
        status.client.clone_from(&self.settings.client);
        status.in_flight = self.in_flight() as u64;
        status.queued_messages = unfinished.saturating_sub(status.in_flight);
        status.oldest_in_flight_ms = self.slots.oldest().map(|in_flight| millis(in_flight.since));
        status.handled_without_commit = self.unasked.messages();
        status.since_last_commit_ms = self.since_last_commit().map(millis);
    }
}

impl Engine {
    pub(crate) fn status(&self) -> crate::ConsumerStatus {
        crate::ConsumerStatus {
            assignment: self
                .partitions()
                .iter()
                .map(|partition| status_of(partition))
                .collect(),
            rebalancing: !self.is_settled(),
            paused: self.scheduler.is_paused(),
            in_flight: self.in_flight(),
            oldest_in_flight: self.slots.oldest(),
            commits: self.commit_count.load(Ordering::Relaxed),
            handled_without_commit: self.unasked.messages(),
            missing_topics: self.subscription.missing_topics(),
            cause: self.subscription.cause(self.group()),
            connection: self.connection.cause(),
            last_error: self.last_error(),
            stopped: self.stop.is_over(),
        }
    }
}

/// A partition's share of the worker's memory.
struct Held {
    unfinished: usize,
    bytes: usize,
}

/// The state of a partition, for [`ConsumerHandle::status`](crate::ConsumerHandle::status).
fn status_of(partition: &Partition) -> crate::PartitionStatus {
    let (fetched, committed) = {
        let tracker = partition.tracker();
        (tracker.held(), tracker.committed())
    };
    crate::PartitionStatus {
        partition: partition.name.clone(),
        fetched,
        paused: partition.is_full(),
        committed,
        last_commit: partition.committed_at(),
        lag: partition.recorders.shown_lag(),
    }
}

fn overview(partition: &Partition, is_paused: bool, now: Instant) -> (PartitionStatus, Held) {
    let mut status = PartitionStatus::default();
    status.topic = partition.name.topic().to_owned();
    status.partition = partition.name.partition();
    status.state = if !partition.is_active() {
        PartitionState::Draining
    } else if is_paused {
        PartitionState::Paused
    } else if partition.is_waiting(now) {
        PartitionState::Waiting
    } else if partition.is_full() {
        PartitionState::Full
    } else {
        PartitionState::Running
    };
    status.lag = partition.recorders.shown_lag();
    let tracker = partition.tracker();
    status.position = tracker.position();
    status.committed = tracker.committed();
    let held = Held {
        unfinished: tracker.unfinished(),
        bytes: tracker.held_bytes(),
    };
    (status, held)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
