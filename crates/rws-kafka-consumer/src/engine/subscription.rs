//! What keeps a worker from reading what it subscribes to: a topic, or a permission, that is missing.

use super::Engine;
use super::recorders::Partition;
use crate::error::ConsumerError;
use crate::transport::{Consumer, Refusal, TopicState, TransactionalIdRefused};
use parking_lot::Mutex;
use rws_kafka_observe::LogRate;
use rws_kafka_observe::causes::with_causes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the answer to one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often a topic is asked for that was there, and of which nothing is assigned.
const AGAIN: Duration = Duration::from_secs(30);
/// Topics that one look asks for; the next look asks for the others.
const MOST_ASKED: usize = 20;
/// Names that a text has.
const MOST_NAMED: usize = 5;
/// How often what is missing is logged while nothing changes.
const REMINDER: Duration = Duration::from_secs(60);
/// Statistics without a refused fetch in a row, after which none is refused any more. The first may
/// be older than the refusal.
const CLEAR_AFTER: u32 = 2;

/// What is known of the topics that are subscribed to, and of the permissions that reading takes.
pub(crate) struct Subscription {
    state: Mutex<State>,
    /// Something was refused: all topics are due for a look.
    is_urgent: AtomicBool,
    reminders: LogRate,
}

#[derive(Default)]
struct State {
    /// The names that are read: no patterns.
    topics: Vec<String>,
    /// Those that the worker creates itself: it is no trouble that they are not there yet.
    own: BTreeSet<String>,
    /// As ACLs name it.
    principal: Option<String>,
    looked: BTreeMap<String, Instant>,
    /// They were there, and the last look did not see them: brokers hear of topics at different times.
    doubtful: BTreeSet<String>,
    missing: BTreeSet<String>,
    /// May not be described, and so not be read either.
    hidden: BTreeSet<String>,
    /// A fetch was refused, and this many statistics since have shown no such fetch.
    fetch_refused: Option<u32>,
    /// Whose fetches are refused.
    unreadable: BTreeSet<String>,
    group_refused: bool,
    transactional_id_refused: Option<String>,
    /// What was logged last.
    told: Told,
}

#[derive(Clone, Default, PartialEq)]
struct Told {
    missing: Vec<String>,
    cause: Option<String>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            is_urgent: AtomicBool::new(false),
            reminders: LogRate::new(REMINDER),
        }
    }
}

impl Subscription {
    /// From before the start of the worker's threads.
    pub(crate) fn watch(
        &self,
        topics: Vec<String>,
        own: BTreeSet<String>,
        principal: Option<String>,
    ) {
        let mut state = self.state.lock();
        state.topics = topics;
        state.own = own;
        state.principal = principal;
    }

    pub(super) fn missing_topics(&self) -> Vec<String> {
        self.state.lock().missing.iter().cloned().collect()
    }

    pub(super) fn cause(&self, group: &str) -> Option<String> {
        self.state.lock().cause(group)
    }
}

impl State {
    /// The permission that is missing, and to whom.
    fn cause(&self, group: &str) -> Option<String> {
        let who = self.principal.as_deref().unwrap_or("the client's user");
        if let Some(id) = &self.transactional_id_refused {
            return Some(format!(
                "{who} needs Write and Describe on transactional id {id:?}"
            ));
        }
        if self.group_refused {
            return Some(format!("{who} needs Read on group {group:?}"));
        }
        let topics: BTreeSet<&String> = self.hidden.union(&self.unreadable).collect();
        match topics.len() {
            0 => self
                .fetch_refused
                .map(|_| format!("{who} needs Read on every topic that is subscribed to")),
            1 => Some(format!("{who} needs Read on topic {}", named(topics))),
            _ => Some(format!("{who} needs Read on the topics {}", named(topics))),
        }
    }

    /// Returns `true` if `topic` is to be looked at, of which something is read or nothing.
    fn is_due(&self, topic: &str, is_read: bool, now: Instant) -> bool {
        let is_in_doubt = self.missing.contains(topic)
            || self.hidden.contains(topic)
            || self.doubtful.contains(topic);
        let looked = self.looked.get(topic);
        is_in_doubt
            || looked.is_none_or(|at| !is_read && now.saturating_duration_since(*at) >= AGAIN)
    }

    /// Takes note of what a broker said; returns `true` if a topic has appeared.
    fn note(&mut self, topic: &str, found: TopicState) -> bool {
        let was_there = self
            .looked
            .insert(topic.to_owned(), Instant::now())
            .is_some()
            && !self.missing.contains(topic)
            && !self.hidden.contains(topic);
        match found {
            TopicState::Present => {
                self.doubtful.remove(topic);
                self.missing.remove(topic) | self.hidden.remove(topic)
            }
            TopicState::Missing => {
                self.hidden.remove(topic);
                if self.own.contains(topic) {
                    return false;
                }
                if !was_there || self.doubtful.remove(topic) {
                    self.missing.insert(topic.to_owned());
                } else {
                    self.doubtful.insert(topic.to_owned());
                }
                false
            }
            TopicState::Hidden => {
                self.missing.remove(topic);
                self.doubtful.remove(topic);
                self.hidden.insert(topic.to_owned());
                false
            }
            TopicState::Unclear => false,
        }
    }
}

fn named<'a>(topics: impl IntoIterator<Item = &'a String>) -> String {
    let topics: Vec<_> = topics.into_iter().collect();
    let shown = topics
        .iter()
        .take(MOST_NAMED)
        .map(|topic| format!("{topic:?}"));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if topics.len() > MOST_NAMED {
        text += &format!(" and {} more", topics.len() - MOST_NAMED);
    }
    text
}

impl Engine {
    /// A broker refused to give messages, or to take offsets.
    pub(crate) fn refused(&self, refusal: Refusal) {
        let mut state = self.subscription.state.lock();
        match refusal {
            Refusal::Topic => {
                state.fetch_refused = Some(0);
                // Which one it was shows the next look, or the next statistics.
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

    /// The group has this member, or the broker has taken its offsets.
    pub(super) fn group_accepted(&self) {
        let mut state = self.subscription.state.lock();
        if std::mem::take(&mut state.group_refused) {
            self.tell_subscription(&mut state);
        }
    }

    /// The transactional id may not be used, or it may.
    pub(super) fn note_transactional_id(&self, refused: Option<TransactionalIdRefused>) {
        let mut state = self.subscription.state.lock();
        let refused = refused.map(|refused| refused.id);
        if state.transactional_id_refused != refused {
            state.transactional_id_refused = refused;
            self.tell_subscription(&mut state);
        }
    }

    /// What librdkafka's statistics say of the last fetches of the partitions that it has.
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

    /// Asks for the topics of which nothing is known; on the thread that measures lag.
    pub(super) fn look_at_topics(&self, consumer: &Consumer, partitions: &[Arc<Partition>]) {
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
            // Those first that have waited for longest.
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
                    // The next look asks again.
                    Err(_) => break,
                },
            };
            has_appeared |= self.subscription.state.lock().note(&topic, found);
        }
        self.tell_subscription(&mut self.subscription.state.lock());
        if has_appeared {
            // A look at all topics is what makes librdkafka join the group again where one has
            // appeared.
            let _ = consumer.ping(TIMEOUT);
        }
    }

    /// Brings what has changed to readiness, the status and the log.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn state(topics: &[&str]) -> State {
        State {
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            principal: Some("User:guest".to_owned()),
            ..State::default()
        }
    }

    #[test]
    fn a_topic_is_missing_at_the_first_look_and_one_that_was_there_at_the_second() {
        let mut state = state(&["new", "old"]);
        assert!(!state.note("new", TopicState::Missing));
        assert!(state.missing.contains("new"));
        assert!(state.note("new", TopicState::Present), "it has appeared");
        assert!(state.missing.is_empty());

        assert!(!state.note("old", TopicState::Present), "it was there");
        assert!(!state.note("old", TopicState::Missing));
        assert!(state.missing.is_empty(), "another broker may know it");
        assert!(state.is_due("old", false, Instant::now()));
        assert!(!state.note("old", TopicState::Missing));
        assert!(state.missing.contains("old"));
        assert!(state.note("old", TopicState::Present));
    }

    #[test]
    fn a_topic_that_the_worker_creates_itself_may_be_missing_and_not_be_hidden() {
        let mut state = state(&["orders", "orders-retry"]);
        state.own.insert("orders-retry".to_owned());
        assert!(!state.note("orders-retry", TopicState::Missing));
        assert!(state.missing.is_empty() && state.cause("billing").is_none());
        state.note("orders-retry", TopicState::Hidden);
        let words = "User:guest needs Read on topic \"orders-retry\"";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
        assert!(state.note("orders-retry", TopicState::Present));
        assert!(state.cause("billing").is_none());
    }

    #[test]
    fn a_topic_that_is_in_order_is_asked_for_now_and_then() {
        let mut state = state(&["orders"]);
        let now = Instant::now();
        let later = || Instant::now() + AGAIN;
        for is_read in [false, true] {
            assert!(state.is_due("orders", is_read, now));
        }
        state.note("orders", TopicState::Present);
        assert!(!state.is_due("orders", false, now));
        assert!(state.is_due("orders", false, later()));
        assert!(!state.is_due("orders", true, later()), "it is being read");
        for trouble in [TopicState::Hidden, TopicState::Missing] {
            state.note("orders", trouble);
            for is_read in [false, true] {
                assert!(state.is_due("orders", is_read, now), "until it is over");
            }
        }
    }

    #[test]
    fn the_cause_names_the_permission_the_resource_and_the_user() {
        let mut state = state(&["a", "b"]);
        assert_eq!(state.cause("billing"), None);
        state.fetch_refused = Some(0);
        let words = "User:guest needs Read on every topic that is subscribed to";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
        state.unreadable.insert("a".to_owned());
        let words = "User:guest needs Read on topic \"a\"";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
        state.note("b", TopicState::Hidden);
        let words = "User:guest needs Read on the topics \"a\", \"b\"";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
        state.group_refused = true;
        let words = "User:guest needs Read on group \"billing\"";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
        state.principal = None;
        state.transactional_id_refused = Some("billing-0".to_owned());
        let words = "the client's user needs Write and Describe on transactional id \"billing-0\"";
        assert_eq!(state.cause("billing").as_deref(), Some(words));
    }

    #[test]
    fn a_long_list_of_topics_is_cut() {
        let topics: Vec<String> = (0..7).map(|number| format!("t{number}")).collect();
        assert_eq!(named(&topics), r#""t0", "t1", "t2", "t3", "t4" and 2 more"#);
    }
}
