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
    /// What a start needs besides an answer of the broker has not come back yet.
    preparing: bool,
    rebalancing: bool,
    pub(crate) missing_topics: Vec<String>,
    cause: Option<String>,
    pub(crate) failed: bool,
    pub(crate) retired: bool,
    paused: bool,
    pub(crate) lag: Option<u64>,
    /// Messages of the lag that are not due yet.
    waiting: u64,
    has_work: bool,
    /// Start of the present stretch of work without a commit.
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

    /// What keeps it from its work, beside a broker that is down.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.contact.cause().or(self.cause.as_deref())
    }

    /// What readiness says of its brokers; nothing of a consumer that has ended.
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

/// A consumer's part in readiness. Clones are one part; it ends with the last of them, unless it
/// [failed](Self::failed) and nobody was [told](Self::told).
#[derive(Clone, Debug)]
pub struct ConsumerHealth {
    state: Arc<Mutex<Consumer>>,
    untold: Untold<Consumer>,
}

impl ConsumerHealth {
    pub(crate) fn new(state: Arc<Mutex<Consumer>>, untold: Untold<Consumer>) -> Self {
        Self { state, untold }
    }

    /// The group it consumes for.
    pub fn group(&self) -> String {
        self.state.lock().group.clone()
    }

    /// The broker answered.
    pub fn reachable(&self) {
        self.state.lock().contact.answered();
    }

    /// The broker did not answer; what was known of the lag no longer is.
    pub fn unreachable(&self) {
        self.unreachable_for(None);
    }

    /// The broker cannot be reached for this certificate, credential or setting; with `None` it did
    /// not answer. What was known of the lag no longer is.
    pub fn unreachable_for(&self, cause: Option<String>) {
        let mut state = self.state.lock();
        state.contact.silent(cause);
        state.lag = None;
    }

    /// A start needs more than an answer of the broker and an assignment, until
    /// [`prepared`](Self::prepared).
    pub fn preparing(&self) {
        self.state.lock().preparing = true;
    }

    /// All that a start needs is there.
    pub fn prepared(&self) {
        self.state.lock().preparing = false;
    }

    /// The topics that the consumer subscribes to and that do not exist, all of them: readiness is
    /// degraded until there are none.
    pub fn missing_topics(&self, topics: impl IntoIterator<Item = impl Into<String>>) {
        let topics = topics.into_iter().map(Into::into).collect();
        self.state.lock().missing_topics = topics;
    }

    /// The permission or setting that keeps the consumer from its work while its broker answers, in
    /// words that say what helps; `None` once nothing does.
    ///
    /// Readiness is degraded as long as there is one, and shows it.
    pub fn hindered(&self, cause: Option<String>) {
        self.state.lock().cause = cause;
    }

    /// A rebalance began, or the consumer lost its partitions.
    pub fn rebalancing(&self) {
        self.state.lock().rebalancing = true;
    }

    /// The consumer has its assignment (an empty one counts).
    pub fn assigned(&self) {
        let mut state = self.state.lock();
        state.rebalancing = false;
        state.waiting_since = Instant::now();
    }

    /// Offsets were committed.
    pub fn progressed(&self) {
        self.state.lock().waiting_since = Instant::now();
    }

    /// So many messages of the lag that [`work`](Self::work) tells next are not due yet: they wait in
    /// a retry topic, and to leave them alone is no stall.
    pub fn waiting(&self, messages: u64) {
        self.state.lock().waiting = messages;
    }

    /// The lag over all assigned partitions (`None`: not known) and the messages in hand.
    ///
    /// The lag timeout runs from the moment that work is first in sight: a consumer that was idle
    /// for an hour is not stalled by the first message after it.
    pub fn work(&self, lag: Option<u64>, in_hand: usize) {
        let mut state = self.state.lock();
        let has_work = in_hand > 0 || lag.is_some_and(|lag| lag > state.waiting);
        if has_work && !state.has_work {
            state.waiting_since = Instant::now();
        }
        state.has_work = has_work;
        state.lag = lag;
    }

    /// Whether the consumer leaves its work alone because it was told to: that is no stall. The lag
    /// timeout runs anew from the end of the pause.
    pub fn paused(&self, paused: bool) {
        let mut state = self.state.lock();
        if state.paused != paused {
            state.paused = paused;
            state.waiting_since = Instant::now();
        }
    }

    /// The thread that polls is at work; see [`Observer::liveness`](crate::Observer::liveness).
    pub fn heartbeat(&self) {
        self.state.lock().heartbeat = Instant::now();
    }

    /// Whom to ask for the consumer's status, as long as it is there.
    pub fn told_by(&self, source: &Arc<impl Source<ConsumerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        self.state.lock().source = Some(source);
    }

    /// The consumer ended with an error and will do no more work.
    pub fn failed(&self) {
        let was_failed = std::mem::replace(&mut self.state.lock().failed, true);
        if !was_failed {
            self.untold.keep(&self.state);
        }
    }

    /// Whoever runs the consumer knows of its failure, and may start another one: from now on its part
    /// ends with the last clone.
    pub fn told(&self) {
        self.untold.told(&self.state);
    }

    /// The consumer ended as it was asked to: readiness no longer depends on it, unless it had
    /// [failed](Self::failed).
    pub fn retired(&self) {
        let mut state = self.state.lock();
        state.retired = !state.failed;
    }
}
