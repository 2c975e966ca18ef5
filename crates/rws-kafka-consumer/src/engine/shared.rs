//! The state that the threads of one worker share.

use super::commits::Commits;
use super::commits::committer::{self, Committer, Offsets};
use super::group::left::Left;
use super::group::subscription::Subscription;
use super::letters::dead_letters::DeadLetters;
use super::progress::Scheduler;
use super::stop::Stop;
use super::unasked::Unasked;
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::failure::breaker::{CircuitBreaker, Fuse};
use crate::failure::policy::FailureHandling;
use crate::handler::error::HandlerError;
use crate::handler::hooks::Hooks;
use crate::partition::{Partition, Recorders};
use crate::retry::{Ladder, Rung};
use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Connection;
use rws_kafka_dispatch::{Bell, Clock, Gathering, Ordering as MessageOrder, Slots, TopicPartition};
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{BrokersOf, ConsumerHealth, LogRate, MemberOf, Observer, non_zero};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The settings of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) group: String,
    pub(crate) client: String,
    pub(crate) lanes: usize,
    pub(crate) commit_interval: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) reads_from_start: bool,
    pub(crate) ordering: MessageOrder,
    /// `Some` if the handler takes batches.
    pub(crate) gathering: Option<Gathering>,
    pub(crate) failure: FailureHandling,
    /// The waits before a refused letter is sent again.
    pub(crate) letter_backoff: Backoff,
    /// The path of failed messages from topic to topic, if there are retry topics.
    pub(crate) ladder: Option<Ladder>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) hooks: Hooks,
    pub(crate) observer: Observer,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

/// The means by which a worker publishes and commits.
#[derive(Default)]
pub(crate) struct Equipment {
    /// `Some` if there is a dead letter queue or retry topics.
    pub(crate) letters: Option<DeadLetters>,
    /// The way in which offsets are committed.
    pub(crate) commits: Commits,
}

/// The state that the threads of one worker share.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) health: ConsumerHealth,
    pub(super) member: MemberOf,
    pub(super) brokers: BrokersOf,
    pub(crate) stop: Stop,
    pub(crate) subscription: Subscription,
    pub(super) clock: Clock,
    /// Rings when the poll thread has something to do.
    pub(super) bell: Arc<Bell>,
    pub(super) scheduler: Scheduler,
    pub(super) committer: Committer,
    pub(super) slots: Slots<Recorders>,
    pub(super) fuse: Option<Fuse>,
    letters: Option<DeadLetters>,
    pub(super) commits: Commits,
    /// Partitions must be read again from their committed offsets.
    pub(super) rewinding: AtomicBool,
    /// A partition's history has ended, and the new one must be read from its start.
    pub(super) outlived: AtomicBool,
    /// A subscribed topic was just created.
    pub(super) has_new_topics: AtomicBool,
    /// The error that stops the worker.
    pub(super) failure: Mutex<Option<ConsumerError>>,
    pub(super) assignment: Mutex<Assignment>,
    pub(super) assigned: Condvar,
    pub(super) next_id: AtomicU64,
    /// The deadline of the current drain.
    pub(super) draining: Mutex<Option<Instant>>,
    /// The work that revokes left undone after a stop was requested.
    pub(super) left_behind: Mutex<Left>,
    pub(super) commit_count: AtomicU64,
    pub(super) unasked: Unasked,
    pub(super) committed_at: Mutex<Option<Instant>>,
    pub(super) last_error: Mutex<Option<ConsumerError>>,
    pub(super) failures: LogRate,
    pub(super) letter_failures: LogRate,
    pub(super) foreign_retries: LogRate,
    pub(super) commit_failures: LogRate,
}

#[derive(Default)]
pub(super) struct Assignment {
    pub(super) partitions: BTreeMap<TopicPartition, Arc<Partition>>,
    /// Changes with the partitions.
    pub(super) epoch: u64,
    /// `true` if the group has given this member an assignment, even an empty one.
    pub(super) settled: bool,
}

impl Engine {
    pub(crate) fn new(
        settings: Settings,
        equipment: Equipment,
        connection: Connection,
        health: ConsumerHealth,
        clock: Clock,
    ) -> Self {
        let Equipment { letters, commits } = equipment;
        let letters = letters.map(|it| it.timed_by(&clock, settings.letter_backoff));
        if commits.carries_outputs() {
            // A worker without a first transaction cannot commit.
            health.preparing();
        }
        Self {
            slots: Slots::new(settings.lanes),
            fuse: settings.breaker.map(Fuse::new),
            member: settings.observer.metrics().member_of(&settings.group),
            brokers: settings.observer.register_brokers(&settings.client),
            scheduler: Scheduler::new(clock.clone(), settings.gathering),
            settings,
            connection,
            health,
            stop: Stop::default(),
            subscription: Subscription::default(),
            clock,
            bell: Arc::default(),
            committer: Committer::new(),
            letters,
            commits,
            rewinding: AtomicBool::new(false),
            outlived: AtomicBool::new(false),
            has_new_topics: AtomicBool::new(false),
            failure: Mutex::default(),
            assignment: Mutex::default(),
            assigned: Condvar::new(),
            next_id: AtomicU64::new(0),
            draining: Mutex::default(),
            left_behind: Mutex::default(),
            commit_count: AtomicU64::new(0),
            unasked: Unasked::default(),
            committed_at: Mutex::default(),
            last_error: Mutex::default(),
            failures: LogRate::new(Duration::from_secs(1)),
            letter_failures: LogRate::new(Duration::from_secs(1)),
            foreign_retries: LogRate::new(Duration::from_secs(10)),
            commit_failures: LogRate::new(Duration::from_secs(5)),
        }
    }

    pub(crate) fn group(&self) -> &str {
        &self.settings.group
    }

    /// The assigned partitions.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.assignment
            .lock()
            .partitions
            .values()
            .cloned()
            .collect()
    }

    /// The assigned partitions and their epoch, if it is not `known`.
    pub(super) fn partitions_unless(
        &self,
        known: Option<u64>,
    ) -> Option<(u64, Vec<Arc<Partition>>)> {
        let assignment = self.assignment.lock();
        let epoch = assignment.epoch;
        let partitions = || assignment.partitions.values().cloned().collect();
        (known != Some(epoch)).then(|| (epoch, partitions()))
    }

    pub(super) fn partition(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let name = TopicPartition::new(topic, partition);
        self.assignment.lock().partitions.get(&name).cloned()
    }

    /// Holds back letters to the retry topics until they are [released](Self::release_retries).
    pub(crate) fn hold_retries(&self) {
        if let (Some(letters), Some(ladder)) = (self.letters(), &self.settings.ladder) {
            letters.hold(ladder.retries());
        }
    }

    /// Releases letters to the retry topics that `exists` accepts.
    pub(crate) fn release_retries(&self, exists: impl Fn(&str) -> bool) {
        if let Some(letters) = self.letters() {
            letters.release(exists);
        }
    }

    /// The place of `topic` among the retry topics; `None` if there are none.
    pub(crate) fn rung(&self, topic: &str) -> Option<&Rung> {
        self.settings.ladder.as_ref()?.rung(topic)
    }

    /// Returns `true` if `topic` is a retry topic of this worker.
    pub(crate) fn is_retry(&self, topic: &str) -> bool {
        self.rung(topic).is_some_and(Rung::is_retry)
    }

    pub(super) fn letters(&self) -> Option<&DeadLetters> {
        self.letters.as_ref()
    }

    /// Stops the worker because of `error`. The first error counts.
    pub(crate) fn fail(&self, error: ConsumerError) {
        self.note_error(error.clone());
        self.failure.lock().get_or_insert(error);
        self.stop.ask(self.settings.drain_timeout);
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.scheduler.pause(paused);
        self.health.paused(paused);
    }

    /// Asks the poll thread to read the messages of a lost transaction again.
    pub(super) fn ask_to_rewind(&self) {
        self.rewinding.store(true, Ordering::Release);
    }

    /// The offsets that a commit would contain now.
    pub(super) fn due(&self) -> Offsets {
        committer::due(self.assignment.lock().partitions.values())
    }

    /// Logs a warning if no handler has asked for a commit. `is_last` is `true` if this is the last call.
    pub(super) fn warn_of_no_commits(&self, is_last: bool) {
        self.unasked.warn(self.group(), self.clock.now(), is_last);
    }

    /// The time between two rounds of commits.
    pub(super) fn commit_tick(&self) -> Duration {
        self.commits.tick(self.settings.commit_interval)
    }

    /// Requests a commit that does not wait for the interval. Returns its round.
    pub(super) fn commit_now(&self) -> u64 {
        self.commits.hurry();
        self.committer.request()
    }

    /// Records the result of a commit.
    pub(super) fn note_commit(&self, result: &Result<(), ConsumerError>) {
        match result {
            Ok(()) => {
                self.commit_count.fetch_add(1, Ordering::Relaxed);
                *self.committed_at.lock() = Some(Instant::now());
                self.member.committed();
                self.health.progressed();
                self.group_accepted();
            }
            Err(error) => {
                self.member.commit_failed();
                self.note_error(error.clone());
                if let Some(held_back) = self.commit_failures.admit() {
                    tracing::warn!(
                        target: "rws_kafka",
                        group = self.group(),
                        held_back = non_zero(held_back),
                        "a commit failed and is retried: {}",
                        with_causes(error)
                    );
                }
            }
        }
    }

    pub(super) fn since_last_commit(&self) -> Option<Duration> {
        self.committed_at.lock().map(|at| at.elapsed())
    }

    /// Waits for the first assignment, or for the next one during a rebalance.
    pub(crate) fn wait_assigned(&self, until: Instant) -> bool {
        let mut assignment = self.assignment.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if assignment.settled || left.is_zero() || self.stop.is_asked() {
                return assignment.settled;
            }
            let step = left.min(Duration::from_millis(100));
            self.assigned.wait_for(&mut assignment, step);
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.assignment.lock().settled
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.scheduler.in_flight()
    }

    /// Adds `message` to the list of recent errors.
    pub(super) fn tell_error(&self, message: &str) {
        let source = format!("consumer {}", self.group());
        self.settings.observer.note_error(&source, message);
    }

    /// Reports that the broker does not answer.
    pub(super) fn tell_unreachable(&self) {
        let cause = self.connection.cause();
        let of_settings = cause.as_ref().filter(|cause| cause.is_of_settings());
        self.health
            .unreachable_for(of_settings.map(ToString::to_string));
        let cause = cause.map_or_else(|| "no broker answers".to_owned(), |cause| cause.to_string());
        self.tell_error(&cause);
    }

    pub(crate) fn note_error(&self, error: ConsumerError) {
        self.tell_error(&with_causes(&error));
        *self.last_error.lock() = Some(error);
    }

    pub(crate) fn last_error(&self) -> Option<ConsumerError> {
        self.last_error.lock().clone()
    }

    pub(super) fn log_failure(
        &self,
        partition: &TopicPartition,
        offset: i64,
        failures: u32,
        outcome: &str,
        error: &HandlerError,
    ) {
        // Without the offset, so that the same error is counted as one.
        self.tell_error(&format!("{}: {error}", partition.topic()));
        if let Some(held_back) = self.failures.admit() {
            tracing::warn!(
                target: "rws_kafka",
                group = self.group(),
                %partition,
                offset,
                failures,
                held_back = non_zero(held_back),
                "a message failed and {outcome}: {error}"
            );
        }
    }

    /// Reports that a letter was refused. Stops the worker if it cannot be sent again.
    pub(super) fn letter_refused(&self, error: ConsumerError, again: Option<Duration>) {
        let Some(again) = again else {
            return self.fail(error);
        };
        if let Some(held_back) = self.letter_failures.admit() {
            let words = with_causes(&error);
            tracing::error!(
                target: "rws_kafka",
                group = self.group(),
                held_back = non_zero(held_back),
                "{words}; the worker sends it again in {again:?}"
            );
        }
        self.note_error(error);
    }
}
