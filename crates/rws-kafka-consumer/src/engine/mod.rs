//! The worker: a poll thread that always polls, lanes that handle, a thread that commits.
//!
//! ```text
//! broker → poll thread → scheduler → lanes → handler
//!              │                       │
//!              └── pause, revoke       └── tracker → committer → broker
//! ```

mod batch;
mod committer;
mod lag;
mod lane;
mod partition;
mod poller;
mod scheduler;
mod stop;
mod tracker;
mod worker;

pub(crate) use batch::Batch;
pub(crate) use lag::Unreachable;
pub(crate) use lane::Handler;
pub(crate) use partition::Partition;
pub(crate) use scheduler::deadline_in;
pub(crate) use stop::Stop;
pub(crate) use worker::{Plan, start};

use crate::backoff::Backoff;
use crate::error::ConsumerError;
use crate::handler::HandlerError;
use crate::topic_partition::TopicPartition;
use committer::{Committer, Offsets};
use partition::Phase;
use rws_kafka_observe::{ConsumerHealth, LogRate, Observer};
use rws_kafka_producer::connection::Connection;
use scheduler::Scheduler;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a drain tries to commit: a coordinator that is moving refuses once or twice.
const DRAIN_COMMITS: usize = 3;

/// What the engine was told when it was started.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) group: String,
    pub(crate) lanes: usize,
    pub(crate) commit_interval: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) reads_from_start: bool,
    pub(crate) backoff: Backoff,
    pub(crate) observer: Observer,
}

/// What the threads of one worker share.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) health: ConsumerHealth,
    pub(crate) stop: Stop,
    scheduler: Scheduler,
    committer: Committer,
    assignment: Mutex<Assignment>,
    assigned: Condvar,
    next_id: AtomicU64,
    unstarted: AtomicUsize,
    last_error: Mutex<Option<ConsumerError>>,
    failures: LogRate,
    commit_failures: LogRate,
}

#[derive(Default)]
struct Assignment {
    partitions: BTreeMap<TopicPartition, Arc<Partition>>,
    /// Whether the group has given this member an assignment, be it an empty one.
    settled: bool,
}

impl Engine {
    pub(crate) fn new(settings: Settings, connection: Connection, health: ConsumerHealth) -> Self {
        Self {
            settings,
            connection,
            health,
            stop: Stop::default(),
            scheduler: Scheduler::new(),
            committer: Committer::new(),
            assignment: Mutex::default(),
            assigned: Condvar::new(),
            next_id: AtomicU64::new(0),
            unstarted: AtomicUsize::new(0),
            last_error: Mutex::default(),
            failures: LogRate::new(Duration::from_secs(1)),
            commit_failures: LogRate::new(Duration::from_secs(5)),
        }
    }

    pub(crate) fn group(&self) -> &str {
        &self.settings.group
    }

    /// The partitions that are assigned now.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        lock(&self.assignment)
            .partitions
            .values()
            .cloned()
            .collect()
    }

    fn partition(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let name = TopicPartition::new(topic, partition);
        lock(&self.assignment).partitions.get(&name).cloned()
    }

    /// librdkafka has read a partition up to `position` and has nothing of it at hand.
    pub(crate) fn note_read(&self, topic: &str, partition: i32, position: i64) {
        if let Some(partition) = self.partition(topic, partition) {
            partition.note_read(position);
        }
    }

    /// The group gives this member `names` in addition to what it has.
    pub(crate) fn assign(&self, names: Vec<TopicPartition>) {
        tracing::info!(target: "rws_kafka", group = self.group(), partitions = ?names, "assigned");
        let mut assignment = lock(&self.assignment);
        for name in names {
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            let observer = &self.settings.observer;
            let partition = Partition::new(id, name.clone(), self.group(), observer);
            assignment.partitions.insert(name, Arc::new(partition));
        }
        assignment.settled = true;
        drop(assignment);
        // The broker that gave the assignment is there.
        self.health.reachable();
        self.health.assigned();
        self.assigned.notify_all();
    }

    /// The group takes `names` back: nothing of them is handed out any more, what runs may finish,
    /// its offsets are committed. Returns when that is done or the drain timeout is over; the
    /// caller then lets go of the partitions.
    pub(crate) fn revoke(&self, names: &[TopicPartition]) {
        tracing::info!(target: "rws_kafka", group = self.group(), partitions = ?names, "revoking");
        self.unsettle();
        let partitions = self.those_of(names);
        let drained = deadline_in(self.settings.drain_timeout);
        let until = self.stop.until().map_or(drained, |stop| stop.min(drained));
        let left = self.drain(&partitions, until);
        if left.unfinished > 0 || left.uncommitted > 0 {
            tracing::warn!(
                target: "rws_kafka",
                group = self.group(),
                unfinished = left.unfinished,
                uncommitted = left.uncommitted,
                "partitions revoked before all was done: their messages come again elsewhere"
            );
        }
        self.release(&partitions, until);
    }

    /// The partitions have gone to others already: nothing of them can be committed.
    pub(crate) fn lose(&self, names: &[TopicPartition]) {
        tracing::warn!(target: "rws_kafka", group = self.group(), partitions = ?names, "lost");
        self.unsettle();
        let partitions = self.those_of(names);
        for partition in &partitions {
            partition.advance(Phase::Released);
            self.count_unstarted(self.scheduler.drop_queued(partition));
        }
        self.release(&partitions, deadline_in(Duration::from_secs(1)));
    }

    fn unsettle(&self) {
        lock(&self.assignment).settled = false;
        self.health.rebalancing();
    }

    fn those_of(&self, names: &[TopicPartition]) -> Vec<Arc<Partition>> {
        let assignment = lock(&self.assignment);
        names
            .iter()
            .filter_map(|name| assignment.partitions.get(name).cloned())
            .collect()
    }

    /// Stops handing out, waits for what runs, commits what is done.
    fn drain(&self, partitions: &[Arc<Partition>], until: Instant) -> Left {
        for partition in partitions {
            partition.advance(Phase::Draining);
            self.count_unstarted(self.scheduler.drop_queued(partition));
        }
        let unfinished = self.scheduler.wait_until_settled(partitions, until);
        for _ in 0..DRAIN_COMMITS {
            if committer::due(partitions).is_empty()
                || self.committer.wait(self.committer.request(), until).is_ok()
            {
                break;
            }
        }
        Left {
            unfinished,
            uncommitted: committer::due(partitions).len(),
        }
    }

    /// Takes the partitions out of the assignment, for good and before anyone else has them.
    fn release(&self, partitions: &[Arc<Partition>], until: Instant) {
        let mut assignment = lock(&self.assignment);
        for partition in partitions {
            partition.advance(Phase::Released);
            assignment.partitions.remove(&partition.name);
        }
        drop(assignment);
        // A commit on its way may hold an offset of theirs.
        self.committer.wait_until_quiet(until);
    }

    /// The offsets that a commit would bring to the broker now.
    fn due(&self) -> Offsets {
        committer::due(lock(&self.assignment).partitions.values())
    }

    /// Takes note of what a commit came to.
    fn note_commit(&self, result: &Result<(), ConsumerError>) {
        match result {
            Ok(()) => self.health.progressed(),
            Err(error) => {
                self.note_error(error.clone());
                if let Some(held_back) = self.commit_failures.admit() {
                    tracing::warn!(
                        target: "rws_kafka",
                        group = self.group(),
                        held_back,
                        "a commit failed and is tried again: {error}"
                    );
                }
            }
        }
    }

    pub(crate) fn check_owned(&self, partition: &Partition) -> Result<(), ConsumerError> {
        match partition.phase() {
            Phase::Active | Phase::Draining => Ok(()),
            Phase::Released => Err(ConsumerError::PartitionLost {
                partition: partition.name.clone(),
            }),
        }
    }

    /// Waits until the broker has an offset past `offset`.
    pub(crate) fn commit_through(
        &self,
        partition: &Partition,
        offset: i64,
    ) -> Result<(), ConsumerError> {
        let until = deadline_in(self.settings.drain_timeout);
        loop {
            self.check_owned(partition)?;
            let round = self.committer.wait(self.committer.request(), until);
            let (committed, due) = {
                let tracker = partition.tracker();
                (tracker.committed(), tracker.to_commit())
            };
            if committed > Some(offset) {
                return Ok(());
            }
            if due > Some(offset) {
                round?;
                // The worker has stopped committing.
                return Err(ConsumerError::CommitTimedOut);
            }
            // Messages before this one are in other lanes' hands.
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ConsumerError::Unfinished {
                    partition: partition.name.clone(),
                });
            }
            std::thread::sleep(left.min(Duration::from_millis(5)));
        }
    }

    /// Waits for the first assignment, or the next one during a rebalance.
    pub(crate) fn wait_assigned(&self, until: Instant) -> bool {
        let mut assignment = lock(&self.assignment);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if assignment.settled || left.is_zero() || self.stop.is_asked() {
                return assignment.settled;
            }
            let step = left.min(Duration::from_millis(100));
            let waited = self.assigned.wait_timeout(assignment, step);
            assignment = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.assignment).settled
    }

    pub(crate) fn in_hand(&self) -> usize {
        self.scheduler.running()
    }

    /// Messages were fetched and dropped before a handler saw them: they come again. Counts what a
    /// stop leaves, not what rebalances before it did.
    fn count_unstarted(&self, messages: usize) {
        if self.stop.is_asked() {
            self.unstarted.fetch_add(messages, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_error(&self, error: ConsumerError) {
        *lock(&self.last_error) = Some(error);
    }

    pub(crate) fn last_error(&self) -> Option<ConsumerError> {
        lock(&self.last_error).clone()
    }

    fn log_failure(
        &self,
        partition: &Partition,
        offset: i64,
        failures: u32,
        pause: Duration,
        error: &HandlerError,
    ) {
        if let Some(held_back) = self.failures.admit() {
            tracing::warn!(
                target: "rws_kafka",
                group = self.group(),
                partition = %partition.name,
                offset,
                failures,
                held_back,
                "a message failed and is tried again in {pause:?}: {error}"
            );
        }
    }
}

/// What a drain left undone.
struct Left {
    /// Partitions whose handler still runs.
    unfinished: usize,
    /// Partitions with offsets that the broker has not confirmed.
    uncommitted: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
