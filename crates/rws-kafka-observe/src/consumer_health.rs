use crate::contact::Contact;
use crate::readiness::{Brokers, ConsumerState};
use crate::source::{Asked, Source};
use crate::status::{ConsumerStatus, WorkerState};
use crate::untold::Untold;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Consumer {
    pub(crate) group: String,
    lag_timeout: Duration,
    pub(crate) contact: Contact,
    /// A start waits for more than the broker's answer.
    preparing: bool,
    rebalancing: bool,
    pub(crate) missing_topics: Vec<String>,
    cause: Option<String>,
    pub(crate) failed: bool,
    pub(crate) retired: bool,
    paused: bool,
    pub(crate) lag: Option<u64>,
    /// The number of messages of the lag that are not due yet.
    waiting: u64,
    has_work: bool,
    /// When the current period of work without a commit began.
    waiting_since: Instant,
    pub(crate) heartbeat: Instant,
    pub(crate) source: Asked<ConsumerStatus>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group)
            .field("contact", &self.contact)
            .field("state", &self.worker_state(Instant::now()))
            .field("retired", &self.retired)
            .field("lag", &self.lag)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    pub(crate) fn new(group: &str, lag_timeout: Duration) -> Self {
        Self {
            group: group.to_owned(),
            lag_timeout,
            contact: Contact::Unknown,
            preparing: false,
            rebalancing: true,
            missing_topics: Vec::new(),
            cause: None,
            failed: false,
            retired: false,
            paused: false,
            lag: None,
            waiting: 0,
            has_work: false,
            waiting_since: Instant::now(),
            heartbeat: Instant::now(),
            source: None,
        }
    }

    /// Returns what hinders its work, apart from an unreachable broker.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.contact.cause().or(self.cause.as_deref())
    }

    /// Returns the state of its brokers for readiness, or `None` if the consumer has failed.
    pub(crate) fn brokers(&self, outage: Option<Instant>) -> Option<Brokers> {
        if self.failed {
            return None;
        }
        Some(match self.contact.beside(outage) {
            Brokers::Ok if self.preparing => Brokers::Starting,
            brokers => brokers,
        })
    }

    pub(crate) fn state(&self, now: Instant) -> ConsumerState {
        let waited = now.saturating_duration_since(self.waiting_since);
        let is_late = self.has_work && waited > self.lag_timeout;
        if self.failed || (is_late && !self.paused) {
            ConsumerState::Stalled
        } else if !self.missing_topics.is_empty() {
            ConsumerState::MissingTopic
        } else if self.rebalancing {
            ConsumerState::Rebalancing
        } else {
            ConsumerState::Ok
        }
    }

    pub(crate) fn worker_state(&self, now: Instant) -> WorkerState {
        match self.state(now) {
            _ if self.failed => WorkerState::Failed,
            ConsumerState::Stalled => WorkerState::Stalled,
            ConsumerState::Rebalancing => WorkerState::Rebalancing,
            ConsumerState::MissingTopic => WorkerState::MissingTopic,
            ConsumerState::Ok if self.paused => WorkerState::Paused,
            ConsumerState::Ok => WorkerState::Ok,
        }
    }
}

/// Reports one consumer's health to readiness. All clones report the same consumer.
///
/// When the last clone is dropped, readiness no longer depends on the consumer, unless it
/// [failed](Self::failed) and [`told`](Self::told) was not called.
///
/// ```
/// use rws_kafka_observe::{ConsumerState, Observer};
/// use std::time::Duration;
///
/// let observer = Observer::new();
/// let consumer = observer.register_consumer("billing", Duration::from_secs(60));
/// assert_eq!(observer.readiness().consumer(), Some(ConsumerState::Rebalancing));
///
/// consumer.reachable();
/// consumer.assigned();
/// assert_eq!(observer.readiness().consumer(), Some(ConsumerState::Ok));
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerHealth {
    state: Arc<Mutex<Consumer>>,
    untold: Untold<Consumer>,
}

impl ConsumerHealth {
    pub(crate) fn new(state: Arc<Mutex<Consumer>>, untold: Untold<Consumer>) -> Self {
        Self { state, untold }
    }

    /// Returns the consumer group.
    pub fn group(&self) -> String {
        self.state.lock().group.clone()
    }

    /// Reports that the broker answered.
    pub fn reachable(&self) {
        self.state.lock().contact.answered();
    }

    /// Reports that the broker did not answer. The lag is then unknown.
    pub fn unreachable(&self) {
        self.unreachable_for(None);
    }

    /// Reports that the broker cannot be reached, and why: a certificate, credential or setting that is
    /// wrong. With `None`, the broker merely did not answer. The lag is then unknown.
    pub fn unreachable_for(&self, cause: Option<String>) {
        let mut state = self.state.lock();
        state.contact.silent(cause);
        state.lag = None;
    }

    /// Reports that a start needs more than an answer of the broker and an assignment, until
    /// [`prepared`](Self::prepared) is called.
    pub fn preparing(&self) {
        self.state.lock().preparing = true;
    }

    /// Reports that everything that a start needs is available.
    pub fn prepared(&self) {
        self.state.lock().preparing = false;
    }

    /// Sets the subscribed topics that do not exist, replacing those set before. Readiness is degraded
    /// until there are none.
    pub fn missing_topics(&self, topics: impl IntoIterator<Item = impl Into<String>>) {
        let topics = topics.into_iter().map(Into::into).collect();
        self.state.lock().missing_topics = topics;
    }

    /// Sets the permission or setting that hinders the consumer while its broker answers, or `None` once
    /// nothing does.
    ///
    /// The text should say what to do about it. While there is one, readiness is degraded and shows it.
    pub fn hindered(&self, cause: Option<String>) {
        self.state.lock().cause = cause;
    }

    /// Reports that a rebalance began or that the consumer lost its partitions.
    pub fn rebalancing(&self) {
        self.state.lock().rebalancing = true;
    }

    /// Reports that the consumer has its assignment, even an empty one.
    pub fn assigned(&self) {
        let mut state = self.state.lock();
        state.rebalancing = false;
        state.waiting_since = Instant::now();
    }

    /// Reports that offsets were committed.
    pub fn progressed(&self) {
        self.state.lock().waiting_since = Instant::now();
    }

    /// Sets how many messages of the lag that the next [`work`](Self::work) call reports are not due yet.
    ///
    /// They wait in a retry topic, and a consumer that leaves them there is not stalled.
    pub fn waiting(&self, messages: u64) {
        self.state.lock().waiting = messages;
    }

    /// Sets the lag over all assigned partitions (`None` if unknown) and the number of messages in flight.
    ///
    /// The lag timeout runs from the moment at which there is work. A consumer that was idle for an hour
    /// is therefore not stalled by its first message.
    pub fn work(&self, lag: Option<u64>, in_flight: usize) {
        let mut state = self.state.lock();
        let has_work = in_flight > 0 || lag.is_some_and(|lag| lag > state.waiting);
        if has_work && !state.has_work {
            state.waiting_since = Instant::now();
        }
        state.has_work = has_work;
        state.lag = lag;
    }

    /// Sets whether the consumer is paused. A paused consumer is not stalled. The lag timeout starts again
    /// when the pause ends.
    pub fn paused(&self, paused: bool) {
        let mut state = self.state.lock();
        if state.paused != paused {
            state.paused = paused;
            state.waiting_since = Instant::now();
        }
    }

    /// Reports that the poll thread runs; see [`Observer::liveness`](crate::Observer::liveness).
    pub fn heartbeat(&self) {
        self.state.lock().heartbeat = Instant::now();
    }

    /// Sets the source that is asked for the consumer's status, as long as it exists.
    pub fn told_by(&self, source: &Arc<impl Source<ConsumerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        self.state.lock().source = Some(source);
    }

    /// Reports that the consumer ended with an error and does no more work.
    pub fn failed(&self) {
        let was_failed = std::mem::replace(&mut self.state.lock().failed, true);
        if !was_failed {
            self.untold.keep(&self.state);
        }
    }

    /// Reports that the code that runs the consumer knows of its failure and may start another one.
    /// From now on, readiness depends on the consumer only until its last clone is dropped.
    pub fn told(&self) {
        self.untold.told(&self.state);
    }

    /// Reports that the consumer was stopped on request: readiness no longer depends on it, unless it had
    /// [failed](Self::failed).
    pub fn retired(&self) {
        let mut state = self.state.lock();
        state.retired = !state.failed;
    }
}
