use crate::consumer_health::{Consumer, ConsumerHealth};
use crate::outbox_health::{OutboxHealth, Relay};
use crate::producer_health::{Producer, ProducerHealth};
use crate::readiness::{BrokerState, Brokers, ConsumerState, OutboxState, Readiness};
use crate::source::Asked;
use crate::status::{ConsumerStatus, ProducerStatus};
use crate::untold::Untold;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The health of all producers, consumers and relays whose handles exist.
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
        let state = Arc::new(Mutex::new(Producer::new()));
        add(&self.producers, &state);
        ProducerHealth::new(state)
    }

    pub(crate) fn add_consumer(&self, group: &str, lag_timeout: Duration) -> ConsumerHealth {
        let state = Arc::new(Mutex::new(Consumer::new(group, lag_timeout)));
        add(&self.consumers, &state);
        ConsumerHealth::new(state, self.failed_consumers.clone())
    }

    pub(crate) fn add_relay(&self, stall_timeout: Duration) -> OutboxHealth {
        let state = Arc::new(Mutex::new(Relay::new(stall_timeout)));
        add(&self.relays, &state);
        OutboxHealth::new(state, self.failed_relays.clone())
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let (producers, consumers) = (self.live_producers(), self.live_consumers());
        let mut relays = alive(&self.relays);
        relays.retain(|state| !state.lock().is_retired());
        let now = Instant::now();
        let of_producers = producers.iter().map(|state| state.lock().contact.outage());
        let running = || consumers.iter().filter(|state| !state.lock().failed);
        let of_consumers = running().map(|state| state.lock().contact.outage());
        let outage = of_producers.chain(of_consumers).flatten().max();

        let producer = producers
            .iter()
            .map(|state| state.lock().contact.beside(outage));
        let lag = |state: &Arc<Mutex<Consumer>>| {
            let state = state.lock();
            let is_known = state.brokers(outage) != Some(Brokers::Unreachable);
            state.lag.filter(|_| is_known)
        };
        let of_producers = producers
            .iter()
            .find_map(|state| state.lock().cause().map(str::to_owned));
        let of_consumers = || {
            let mut consumers = consumers.iter();
            consumers.find_map(|state| state.lock().cause().map(str::to_owned))
        };
        Readiness {
            producer: producer.max().map(|brokers| match brokers {
                Brokers::Ok => BrokerState::Ok,
                Brokers::Starting | Brokers::Unreachable => BrokerState::Unreachable,
            }),
            consumer_brokers: running()
                .filter_map(|state| state.lock().brokers(outage))
                .max(),
            consumer: worst_consumer(consumers.iter().map(|state| state.lock().state(now))),
            consumer_lag: consumers
                .iter()
                .map(lag)
                .try_fold(0_u64, |sum, lag| lag.map(|lag| sum.saturating_add(lag)))
                .filter(|_| !consumers.is_empty()),
            outbox: worst_outbox(relays.iter().map(|state| state.lock().state(now))),
            // During an outage, what a broker said before it is no longer the cause.
            cause: of_producers
                .or_else(of_consumers)
                .filter(|_| outage.is_none()),
            server_is_ready: true,
        }
    }

    /// Returns the age of the oldest poll-thread heartbeat over all running consumers.
    pub(crate) fn liveness(&self) -> Option<Duration> {
        let now = Instant::now();
        let consumers = self.live_consumers();
        let ages = consumers.iter().filter_map(|state| {
            let state = state.lock();
            (!state.failed).then(|| now.saturating_duration_since(state.heartbeat))
        });
        ages.max()
    }

    pub(crate) fn producers(&self) -> Vec<ProducerStatus> {
        let tell = |state: &Arc<Mutex<Producer>>| {
            // The source is asked without the lock, because it may report to its own health meanwhile.
            let (mut status, source) = {
                let state = state.lock();
                let status = ProducerStatus {
                    broker: state.contact.state(),
                    cause: state.cause().map(str::to_owned),
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
                let state = state.lock();
                let status = ConsumerStatus {
                    group: state.group.clone(),
                    broker: state.contact.state(),
                    state: state.worker_state(now),
                    lag: state.lag,
                    missing_topics: state.missing_topics.clone(),
                    cause: state.cause().map(str::to_owned),
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
        producers.retain(|state| !state.lock().retired);
        producers
    }

    fn live_consumers(&self) -> Vec<Arc<Mutex<Consumer>>> {
        let mut consumers = alive(&self.consumers);
        consumers.retain(|state| !state.lock().retired);
        consumers
    }
}

fn fill<S>(source: Asked<S>, status: &mut S) {
    if let Some(source) = source.and_then(|source| source.upgrade()) {
        source.fill(status);
    }
}

fn worst_consumer(states: impl Iterator<Item = ConsumerState>) -> Option<ConsumerState> {
    states.reduce(|worst, state| match (worst, state) {
        (ConsumerState::Stalled, _) | (_, ConsumerState::Stalled) => ConsumerState::Stalled,
        (ConsumerState::MissingTopic, _) | (_, ConsumerState::MissingTopic) => {
            ConsumerState::MissingTopic
        }
        (ConsumerState::Rebalancing, _) => worst,
        _ => state,
    })
}

fn worst_outbox(states: impl Iterator<Item = OutboxState>) -> Option<OutboxState> {
    states.reduce(|worst, state| match (worst, state) {
        (OutboxState::CannotDelete, _) | (_, OutboxState::Ok) => worst,
        (OutboxState::Stalled | OutboxState::Ok, state) => state,
    })
}

fn add<T>(list: &Mutex<Vec<Weak<T>>>, item: &Arc<T>) {
    let mut list = list.lock();
    list.retain(|other| other.strong_count() > 0);
    list.push(Arc::downgrade(item));
}

fn alive<T>(list: &Mutex<Vec<Weak<T>>>) -> Vec<Arc<T>> {
    list.lock().iter().filter_map(Weak::upgrade).collect()
}
