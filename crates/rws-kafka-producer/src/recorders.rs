use crate::token::SentAt;
use parking_lot::Mutex;
use rws_kafka_observe::{Observer, ProducedTo};
use std::collections::HashMap;
use std::time::Duration;

/// The maximum number of cached recorders. The cache is cleared when it is full, as a service may create any
/// number of topics.
const KNOWN: usize = 1000;

/// The metric recorders by topic. The latest one is cached, as messages to a topic come in runs.
pub(crate) struct Recorders {
    observer: Observer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latest: Option<(String, ProducedTo)>,
    known: HashMap<String, ProducedTo>,
    ages: Ages,
    delivered: u64,
    failed: u64,
}

impl Recorders {
    pub(crate) fn new(observer: Observer) -> Self {
        Self {
            observer,
            state: Mutex::default(),
        }
    }

    /// Counts a message to `topic` that was sent at `sent_at` and is acknowledged.
    pub(crate) fn delivered(&self, topic: &str, sent_at: SentAt) {
        let mut state = self.state.lock();
        let age = state.ages.age_of(sent_at);
        state.delivered += 1;
        self.recorder(&mut state, topic, |recorder| recorder.delivered(age));
    }

    /// Counts a message to `topic` that was refused or has failed permanently.
    pub(crate) fn failed(&self, topic: &str) {
        let mut state = self.state.lock();
        state.failed += 1;
        self.recorder(&mut state, topic, ProducedTo::failed);
    }

    /// Returns the number of messages delivered and failed since the start.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.delivered, state.failed)
    }

    /// Returns the topic of the latest message.
    pub(crate) fn latest(&self) -> Option<String> {
        self.state
            .lock()
            .latest
            .as_ref()
            .map(|(topic, _)| topic.clone())
    }

    fn recorder(&self, state: &mut State, topic: &str, record: impl FnOnce(&ProducedTo)) {
        if let Some((latest, recorder)) = &state.latest
            && latest == topic
        {
            return record(recorder);
        }
        let recorder = match state.known.get(topic) {
            Some(recorder) => recorder.clone(),
            None => {
                if state.known.len() >= KNOWN {
                    state.known.clear();
                }
                let made = self.observer.metrics().produced_to(topic);
                state.known.insert(topic.to_owned(), made.clone());
                made
            }
        };
        record(&recorder);
        state.latest = Some((topic.to_owned(), recorder));
    }
}

/// The age of messages, by the clock.
///
/// Reading the clock takes a tenth of the whole cost of a delivery. Acknowledgements come in runs, so one
/// reading serves up to 32 consecutive reports of messages sent in the same millisecond.
#[derive(Default)]
struct Ages {
    sent_at: SentAt,
    age: Duration,
    uses_left: u8,
}

impl Ages {
    fn age_of(&mut self, sent_at: SentAt) -> Duration {
        if self.uses_left == 0 || self.sent_at != sent_at {
            *self = Self {
                sent_at,
                age: sent_at.age(),
                uses_left: 32,
            };
        }
        self.uses_left -= 1;
        self.age
    }
}
