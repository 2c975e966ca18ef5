//! Keeps the state of the subscribed topics up to date.

use super::subscription::{State, Told};
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::transport::{Consumer, Refusal, TopicState, TransactionalIdRefused};
use rws_kafka_observe::causes::with_causes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The timeout of an answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of topics in one check; the next check asks for the others.
const MOST_ASKED: usize = 20;
/// After this many statistics in a row without a refused fetch, fetches are no longer refused. The first
/// statistics may be older than the refusal.
const CLEAR_AFTER: u32 = 2;

impl Engine {
    /// A broker refused a fetch or a commit.
    pub(crate) fn refused(&self, refusal: Refusal) {
        let mut state = self.subscription.state.lock();
        match refusal {
            Refusal::Topic => {
                state.fetch_refused = Some(0);
                // The next check, or the next statistics, show which topic it was.
                if let [only] = &*state.topics {
                    let only = only.clone();
                    state.unreadable.insert(only);
                }
            }
            Refusal::Group => state.group_refused = true,
            Refusal::NoSuchTopic => {}
        }
        self.subscription.is_urgent.store(true, Ordering::Release);
        self.tell_subscription(&mut state);
    }

    /// The group has accepted this member or its offsets.
    pub(in crate::engine) fn group_accepted(&self) {
        let mut state = self.subscription.state.lock();
        if std::mem::take(&mut state.group_refused) {
            self.tell_subscription(&mut state);
        }
    }

    /// Records whether the transactional id is refused.
    pub(in crate::engine) fn note_transactional_id(&self, refused: Option<TransactionalIdRefused>) {
        let mut state = self.subscription.state.lock();
        let refused = refused.map(|refused| refused.id);
        if state.transactional_id_refused != refused {
            state.transactional_id_refused = refused;
            self.tell_subscription(&mut state);
        }
    }

    /// Records the results of the last fetches, from librdkafka's statistics.
    pub(crate) fn note_fetches<'a>(&self, fetches: impl Iterator<Item = (&'a str, bool)>) {
        let mut state = self.subscription.state.lock();
        let Some(clear) = state.fetch_refused else {
            return;
        };
        let refused = fetches.filter(|(_, is_refused)| *is_refused);
        let refused: BTreeSet<String> = refused.map(|(topic, _)| topic.to_owned()).collect();
        state.fetch_refused = match refused.is_empty() {
            false => Some(0),
            true => Some(clear + 1).filter(|clear| *clear < CLEAR_AFTER),
        };
        if !refused.is_empty() || state.fetch_refused.is_none() {
            state.unreadable = refused;
        }
        self.tell_subscription(&mut state);
    }

    /// Checks topics whose state is unknown. Runs on the thread that measures lag.
    pub(in crate::engine) fn look_at_topics(
        &self,
        consumer: &Consumer,
        partitions: &[Arc<Partition>],
    ) {
        let is_urgent = self.subscription.is_urgent.swap(false, Ordering::AcqRel);
        let read: BTreeSet<&str> = partitions
            .iter()
            .filter(|partition| partition.recorders.shown_lag().is_some())
            .map(|partition| partition.name.topic())
            .collect();
        let now = Instant::now();
        let asked: Vec<String> = {
            let state = self.subscription.state.lock();
            let topics = state.topics.iter();
            let due = topics.filter(|topic| {
                let is_read = read.contains(topic.as_str());
                (is_urgent && !is_read) || state.is_due(topic, is_read, now)
            });
            // The topics that have waited longest come first.
            let mut due: Vec<&String> = due.collect();
            due.sort_by_key(|topic| state.looked.get(*topic));
            due.into_iter().take(MOST_ASKED).cloned().collect()
        };
        let mut has_appeared = false;
        for topic in asked {
            let found = match read.contains(topic.as_str()) {
                true => TopicState::Present,
                false => match consumer.topic_state(&topic, TIMEOUT) {
                    Ok(found) => found,
                    // The next check asks again.
                    Err(_) => break,
                },
            };
            has_appeared |= self.subscription.state.lock().note(&topic, found);
        }
        self.tell_subscription(&mut self.subscription.state.lock());
        if has_appeared {
            // librdkafka rejoins after a topic appeared only when it fetches the metadata of all topics.
            let _ = consumer.ping(TIMEOUT);
        }
    }

    /// Reports changes to readiness, the status and the log.
    fn tell_subscription(&self, state: &mut State) {
        let now = Told {
            missing: state.missing.iter().cloned().collect(),
            cause: state.cause(self.group()),
        };
        let before = std::mem::replace(&mut state.told, now.clone());
        let is_news = before != now;
        if is_news {
            self.health.missing_topics(now.missing.iter().cloned());
            self.health.hindered(now.cause.clone());
        } else if now == Told::default() {
            return;
        }
        let is_due = self.subscription.reminders.admit().is_some();
        if !is_news && !is_due {
            return;
        }
        let gone = before.missing.iter();
        for topic in gone.filter(|topic| !now.missing.contains(topic)) {
            tracing::info!(target: "rws_kafka", group = self.group(), topic, "the missing topic exists now");
        }
        if !now.missing.is_empty() && (is_due || before.missing != now.missing) {
            self.warn(ConsumerError::MissingTopics {
                topics: now.missing,
            });
        }
        match (before.cause, now.cause) {
            (Some(cause), None) => {
                tracing::info!(target: "rws_kafka", group = self.group(), cause, "no longer refused");
            }
            (before, Some(cause)) if is_due || before.as_ref() != Some(&cause) => {
                self.warn(ConsumerError::NotAuthorized { cause });
            }
            _ => {}
        }
    }

    fn warn(&self, error: ConsumerError) {
        let words = with_causes(&error);
        tracing::warn!(target: "rws_kafka", group = self.group(), "{words}");
        self.note_error(error);
    }
}
