//! What the threads of one worker share.

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
use rws_kafka_dispatch::{Clock, Gathering, Hands, Ordering as MessageOrder, TopicPartition};
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{BrokersOf, ConsumerHealth, LogRate, MemberOf, Observer, non_zero};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the engine was told when it was started.
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
    /// Where the handler takes batches.
    pub(crate) gathering: Option<Gathering>,
    pub(crate) failure: FailureHandling,
    /// Before a letter that was refused is sent again.
    pub(crate) letter_backoff: Backoff,
    /// Where failed messages go from topic to topic, where there are retry topics.
    pub(crate) ladder: Option<Ladder>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) hooks: Hooks,
    pub(crate) observer: Observer,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

/// What a worker publishes and commits with.
#[derive(Default)]
pub(crate) struct Equipment {
    /// Where there is a dead letter queue, or retry topics.
    pub(crate) letters: Option<DeadLetters>,
    /// How offsets are committed.
    pub(crate) commits: Commits,
}

/// What the threads of one worker share.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) health: ConsumerHealth,
    pub(super) member: MemberOf,
    pub(super) brokers: BrokersOf,
    pub(crate) stop: Stop,
    pub(crate) subscription: Subscription,
    pub(super) clock: Clock,
    pub(super) scheduler: Scheduler,
    pub(super) committer: Committer,
    pub(super) hands: Hands<Recorders>,
    pub(super) fuse: Option<Fuse>,
    letters: Option<DeadLetters>,
    pub(super) commits: Commits,
    /// Partitions are to be read again from their committed offsets.
    pub(super) rewinding: AtomicBool,
    /// A partition's history has ended, and another one is to be read from its start.
    pub(super) outlived: AtomicBool,
    /// A topic that is subscribed to has just been made.
    pub(super) has_new_topics: AtomicBool,
    /// What makes the worker stop, where nobody asked for it.
    pub(super) failure: Mutex<Option<ConsumerError>>,
    pub(super) assignment: Mutex<Assignment>,
    pub(super) assigned: Condvar,
    pub(super) next_id: AtomicU64,
    /// Until when the drain that is under way may take.
    pub(super) draining: Mutex<Option<Instant>>,
    /// What revokes left undone while a stop was asked for.
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
    /// Whether the group has given this member an assignment, be it an empty one.
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
            // Without a first transaction it can commit nothing.
            health.preparing();
        }
        Self {
            hands: Hands::new(settings.lanes),
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

    /// The partitions that are assigned now.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.assignment
            .lock()
            .partitions
            .values()
            .cloned()
            .collect()
    }

    pub(super) fn partition(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let name = TopicPartition::new(topic, partition);
        self.assignment.lock().partitions.get(&name).cloned()
    }

    /// Holds back what goes to the retry topics, until they are [released](Self::release_retries).
    pub(crate) fn hold_retries(&self) {
        if let (Some(letters), Some(ladder)) = (self.letters(), &self.settings.ladder) {
            letters.hold(ladder.retries());
        }
    }

    /// Holds back no longer what goes to a retry topic that `exists`.
    pub(crate) fn release_retries(&self, exists: impl Fn(&str) -> bool) {
        if let Some(letters) = self.letters() {
            letters.release(exists);
        }
    }

    /// What `topic` is among the retry topics; none where there are none.
    pub(crate) fn rung(&self, topic: &str) -> Option<&Rung> {
        self.settings.ladder.as_ref()?.rung(topic)
    }

    /// Whether `topic` is a retry topic of this worker.
    pub(crate) fn is_retry(&self, topic: &str) -> bool {
        self.rung(topic).is_some_and(Rung::is_retry)
    }

    pub(super) fn letters(&self) -> Option<&DeadLetters> {
        self.letters.as_ref()
    }

    /// Stops the worker, nobody having asked for it. The first reason counts.
    pub(crate) fn fail(&self, error: ConsumerError) {
        self.note_error(error.clone());
        self.failure.lock().get_or_insert(error);
        self.stop.ask(self.settings.drain_timeout);
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.scheduler.pause(paused);
        self.health.paused(paused);
    }

    /// What was in a transaction that is lost is read again; the poll thread sees to it.
    pub(super) fn ask_to_rewind(&self) {
        self.rewinding.store(true, Ordering::Release);
    }

    /// The offsets that a commit would bring to the broker now.
    pub(super) fn due(&self) -> Offsets {
        committer::due(self.assignment.lock().partitions.values())
    }

    /// Warns when no handler ever asked for a commit; `is_last` when there is no later call.
    pub(super) fn warn_of_no_commits(&self, is_last: bool) {
        self.unasked.warn(self.group(), self.clock.now(), is_last);
    }

    /// How long it is from one round of commits to the next.
    pub(super) fn commit_tick(&self) -> Duration {
        self.commits.tick(self.settings.commit_interval)
    }

    /// Asks for a commit that waits for no interval; returns the round of it.
    pub(super) fn commit_now(&self) -> u64 {
        self.commits.hurry();
        self.committer.request()
    }

    /// Takes note of what a commit came to.
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
                        "a commit failed and is tried again: {}",
                        with_causes(error)
                    );
                }
            }
        }
    }

    pub(super) fn since_last_commit(&self) -> Option<Duration> {
        self.committed_at.lock().map(|at| at.elapsed())
    }

    /// Waits for the first assignment, or the next one during a rebalance.
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

    pub(crate) fn in_hand(&self) -> usize {
        self.scheduler.in_hand()
    }

    /// For the list of recent errors.
    pub(super) fn tell_error(&self, message: &str) {
        let source = format!("consumer {}", self.group());
        self.settings.observer.note_error(&source, message);
    }

    /// The broker does not answer.
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
        // Without the offset, so that the same error is one.
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

    /// A dead letter was not taken; the worker stops where sending it again is of no use.
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
                "{words}; it is sent again in {again:?}"
            );
        }
        self.note_error(error);
    }
}
