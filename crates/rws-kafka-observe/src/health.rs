use crate::lock::lock;
use crate::outbox_health::{OutboxHealth, Relay};
use crate::readiness::{BrokerState, ConsumerState, OutboxState, Readiness};
use crate::source::Source;
use crate::status::{ConsumerStatus, ProducerStatus, WorkerState};
use crate::untold::Untold;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// All producers, consumers and relays whose handles are alive.
#[derive(Debug, Default)]
pub(crate) struct HealthBoard {
    producers: Mutex<Vec<Weak<Mutex<Producer>>>>,
    consumers: Mutex<Vec<Weak<Mutex<Consumer>>>>,
    failed_consumers: Untold<Consumer>,
    relays: Mutex<Vec<Weak<Mutex<Relay>>>>,
    failed_relays: Untold<Relay>,
}

impl HealthBoard {
    pub(crate) fn add_producer(&self) -> ProducerHealth {
        let state = Arc::new(Mutex::new(Producer {
            broker: BrokerState::Unreachable,
            retired: false,
            source: None,
        }));
        add(&self.producers, &state);
        ProducerHealth { state }
    }

    pub(crate) fn add_consumer(&self, group: &str, lag_timeout: Duration) -> ConsumerHealth {
        let state = Arc::new(Mutex::new(Consumer {
            group: group.to_owned(),
            lag_timeout,
            broker: BrokerState::Unreachable,
            rebalancing: true,
            failed: false,
            retired: false,
            paused: false,
            lag: None,
            waiting: 0,
            has_work: false,
            waiting_since: Instant::now(),
            heartbeat: Instant::now(),
            source: None,
        }));
        add(&self.consumers, &state);
        ConsumerHealth {
            state,
            untold: self.failed_consumers.clone(),
        }
    }

    pub(crate) fn add_relay(&self, stall_timeout: Duration) -> OutboxHealth {
        let state = Arc::new(Mutex::new(Relay::new(stall_timeout)));
        add(&self.relays, &state);
        OutboxHealth::new(state, self.failed_relays.clone())
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let (producers, consumers) = (self.live_producers(), self.live_consumers());
        let mut relays = alive(&self.relays);
        relays.retain(|state| !lock(state).is_retired());
        let now = Instant::now();
        Readiness {
            producer: worst_broker(producers.iter().map(|state| lock(state).broker)),
            consumer_broker: worst_broker(consumers.iter().map(|state| lock(state).broker)),
            consumer: worst_consumer(consumers.iter().map(|state| lock(state).state(now))),
            consumer_lag: consumers
                .iter()
                .map(|state| lock(state).lag)
                .try_fold(0_u64, |sum, lag| lag.map(|lag| sum.saturating_add(lag)))
                .filter(|_| !consumers.is_empty()),
            outbox: worst_outbox(relays.iter().map(|state| lock(state).state(now))),
            server_is_ready: true,
        }
    }

    /// The age of the oldest heartbeat over all consumers that run.
    pub(crate) fn liveness(&self) -> Option<Duration> {
        let now = Instant::now();
        let consumers = self.live_consumers();
        let ages = consumers.iter().filter_map(|state| {
            let state = lock(state);
            (!state.failed).then(|| now.saturating_duration_since(state.heartbeat))
        });
        ages.max()
    }

    pub(crate) fn producers(&self) -> Vec<ProducerStatus> {
        let tell = |state: &Arc<Mutex<Producer>>| {
            // Asked without the lock: a source may report to its health meanwhile.
            let (mut status, source) = {
                let state = lock(state);
                let status = ProducerStatus {
                    broker: state.broker,
                    ..ProducerStatus::default()
                };
                (status, state.source.clone())
            };
            fill(source, &mut status);
            status
        };
        let mut producers: Vec<_> = self.live_producers().iter().map(tell).collect();
        producers.sort_by(|a, b| a.client.cmp(&b.client));
        producers
    }

    pub(crate) fn consumers(&self) -> Vec<ConsumerStatus> {
        let now = Instant::now();
        let tell = |state: &Arc<Mutex<Consumer>>| {
            let (mut status, source) = {
                let state = lock(state);
                let status = ConsumerStatus {
                    group: state.group.clone(),
                    broker: state.broker,
                    state: state.worker_state(now),
                    lag: state.lag,
                    ..ConsumerStatus::default()
                };
                (status, state.source.clone())
            };
            fill(source, &mut status);
            status
        };
        let mut consumers: Vec<_> = self.live_consumers().iter().map(tell).collect();
        consumers.sort_by(|a, b| (&a.group, &a.client).cmp(&(&b.group, &b.client)));
        consumers
    }

    fn live_producers(&self) -> Vec<Arc<Mutex<Producer>>> {
        let mut producers = alive(&self.producers);
        producers.retain(|state| !lock(state).retired);
        producers
    }

    fn live_consumers(&self) -> Vec<Arc<Mutex<Consumer>>> {
        let mut consumers = alive(&self.consumers);
        consumers.retain(|state| !lock(state).retired);
        consumers
    }
}

/// Who is asked, where it still is there.
type Asked<S> = Option<Weak<dyn Source<S>>>;

fn fill<S>(source: Asked<S>, status: &mut S) {
    if let Some(source) = source.and_then(|source| source.upgrade()) {
        source.fill(status);
    }
}

fn worst_broker(states: impl Iterator<Item = BrokerState>) -> Option<BrokerState> {
    states.reduce(|worst, state| match worst {
        BrokerState::Unreachable => worst,
        BrokerState::Ok => state,
    })
}

fn worst_consumer(states: impl Iterator<Item = ConsumerState>) -> Option<ConsumerState> {
    states.reduce(|worst, state| match (worst, state) {
        (ConsumerState::Stalled, _) | (_, ConsumerState::Stalled) => ConsumerState::Stalled,
        (ConsumerState::Rebalancing, _) => worst,
        _ => state,
    })
}

fn worst_outbox(states: impl Iterator<Item = OutboxState>) -> Option<OutboxState> {
    states.reduce(|worst, state| match worst {
        OutboxState::Stalled => worst,
        OutboxState::Ok => state,
    })
}

struct Producer {
    broker: BrokerState,
    retired: bool,
    source: Asked<ProducerStatus>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("broker", &self.broker)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

/// A producer's part in readiness. Clones are one part; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct ProducerHealth {
    state: Arc<Mutex<Producer>>,
}

impl ProducerHealth {
    /// The broker answered.
    pub fn reachable(&self) {
        lock(&self.state).broker = BrokerState::Ok;
    }

    /// The broker did not answer.
    pub fn unreachable(&self) {
        lock(&self.state).broker = BrokerState::Unreachable;
    }

    /// What was last reported.
    pub fn state(&self) -> BrokerState {
        lock(&self.state).broker
    }

    /// The producer is closed for good: readiness no longer depends on it, whatever a probe that is
    /// still under way finds.
    pub fn retired(&self) {
        lock(&self.state).retired = true;
    }

    /// Whom to ask for the producer's status, as long as it is there.
    pub fn told_by(&self, source: &Arc<impl Source<ProducerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        lock(&self.state).source = Some(source);
    }
}

struct Consumer {
    group: String,
    lag_timeout: Duration,
    broker: BrokerState,
    rebalancing: bool,
    failed: bool,
    retired: bool,
    paused: bool,
    lag: Option<u64>,
    /// Messages of the lag that are not due yet.
    waiting: u64,
    has_work: bool,
    /// Start of the present stretch of work without a commit.
    waiting_since: Instant,
    heartbeat: Instant,
    source: Asked<ConsumerStatus>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group)
            .field("broker", &self.broker)
            .field("state", &self.worker_state(Instant::now()))
            .field("retired", &self.retired)
            .field("lag", &self.lag)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    fn state(&self, now: Instant) -> ConsumerState {
        let waited = now.saturating_duration_since(self.waiting_since);
        let is_late = self.has_work && waited > self.lag_timeout;
        if self.failed || (is_late && !self.paused) {
            ConsumerState::Stalled
        } else if self.rebalancing {
            ConsumerState::Rebalancing
        } else {
            ConsumerState::Ok
        }
    }

    fn worker_state(&self, now: Instant) -> WorkerState {
        match self.state(now) {
            _ if self.failed => WorkerState::Failed,
            ConsumerState::Stalled => WorkerState::Stalled,
            ConsumerState::Rebalancing => WorkerState::Rebalancing,
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
    /// The group it consumes for.
    pub fn group(&self) -> String {
        lock(&self.state).group.clone()
    }

    /// The broker answered.
    pub fn reachable(&self) {
        lock(&self.state).broker = BrokerState::Ok;
    }

    /// The broker did not answer; what was known of the lag no longer is.
    pub fn unreachable(&self) {
        let mut state = lock(&self.state);
        state.broker = BrokerState::Unreachable;
        state.lag = None;
    }

    /// A rebalance began, or the consumer lost its partitions.
    pub fn rebalancing(&self) {
        lock(&self.state).rebalancing = true;
    }

    /// The consumer has its assignment (an empty one counts).
    pub fn assigned(&self) {
        let mut state = lock(&self.state);
        state.rebalancing = false;
        state.waiting_since = Instant::now();
    }

    /// Offsets were committed.
    pub fn progressed(&self) {
        lock(&self.state).waiting_since = Instant::now();
    }

    /// So many messages of the lag that [`work`](Self::work) tells next are not due yet: they wait in
    /// a retry topic, and to leave them alone is no stall.
    pub fn waiting(&self, messages: u64) {
        lock(&self.state).waiting = messages;
    }

    /// The lag over all assigned partitions (`None`: not known) and the messages in hand.
    ///
    /// The lag timeout runs from the moment that work is first in sight: a consumer that was idle
    /// for an hour is not stalled by the first message after it.
    pub fn work(&self, lag: Option<u64>, in_hand: usize) {
        let mut state = lock(&self.state);
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
        let mut state = lock(&self.state);
        if state.paused != paused {
            state.paused = paused;
            state.waiting_since = Instant::now();
        }
    }

    /// The thread that polls is at work; see [`Observer::liveness`](crate::Observer::liveness).
    pub fn heartbeat(&self) {
        lock(&self.state).heartbeat = Instant::now();
    }

    /// Whom to ask for the consumer's status, as long as it is there.
    pub fn told_by(&self, source: &Arc<impl Source<ConsumerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        lock(&self.state).source = Some(source);
    }

    /// The consumer ended with an error and will do no more work.
    pub fn failed(&self) {
        let was_failed = std::mem::replace(&mut lock(&self.state).failed, true);
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
        let mut state = lock(&self.state);
        state.retired = !state.failed;
    }
}

fn add<T>(list: &Mutex<Vec<Weak<T>>>, item: &Arc<T>) {
    let mut list = lock(list);
    list.retain(|other| other.strong_count() > 0);
    list.push(Arc::downgrade(item));
}

fn alive<T>(list: &Mutex<Vec<Weak<T>>>) -> Vec<Arc<T>> {
    lock(list).iter().filter_map(Weak::upgrade).collect()
}
