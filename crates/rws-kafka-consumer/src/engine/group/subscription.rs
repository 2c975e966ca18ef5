//! What keeps a worker from reading its topics: missing topics and permissions.

use crate::transport::TopicState;
use parking_lot::Mutex;
use rws_kafka_observe::LogRate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How often a topic without assigned partitions is checked again.
const AGAIN: Duration = Duration::from_secs(30);
/// The maximum number of names in a text.
const MOST_NAMED: usize = 5;
/// How often missing topics and permissions are logged while nothing changes.
const REMINDER: Duration = Duration::from_secs(60);

/// The state of the subscribed topics, and of the permissions to read them.
pub(crate) struct Subscription {
    pub(in crate::engine) state: Mutex<State>,
    /// A request was refused: all topics must be checked.
    pub(in crate::engine) is_urgent: AtomicBool,
    pub(in crate::engine) reminders: LogRate,
}

#[derive(Default)]
pub(in crate::engine) struct State {
    /// The names of the topics to read, without patterns.
    pub(in crate::engine) topics: Vec<String>,
    /// The topics that the worker creates itself: it does not report them as missing.
    pub(in crate::engine) own: BTreeSet<String>,
    /// The user, as ACLs name it.
    pub(in crate::engine) principal: Option<String>,
    pub(in crate::engine) looked: BTreeMap<String, Instant>,
    /// Topics that existed and were not found by the last check: brokers learn of topics at different times.
    pub(in crate::engine) doubtful: BTreeSet<String>,
    pub(in crate::engine) missing: BTreeSet<String>,
    /// Topics that may not be described, and so not be read either.
    pub(in crate::engine) hidden: BTreeSet<String>,
    /// A fetch was refused, and this many statistics since then show no refused fetch.
    pub(in crate::engine) fetch_refused: Option<u32>,
    /// The topics whose fetches are refused.
    pub(in crate::engine) unreadable: BTreeSet<String>,
    pub(in crate::engine) group_refused: bool,
    pub(in crate::engine) transactional_id_refused: Option<String>,
    /// The state that was logged last.
    pub(in crate::engine) told: Told,
}

#[derive(Clone, Default, PartialEq)]
pub(in crate::engine) struct Told {
    pub(in crate::engine) missing: Vec<String>,
    pub(in crate::engine) cause: Option<String>,
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
    /// Sets the topics to watch, before the worker's threads start.
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

    pub(in crate::engine) fn missing_topics(&self) -> Vec<String> {
        self.state.lock().missing.iter().cloned().collect()
    }

    pub(in crate::engine) fn cause(&self, group: &str) -> Option<String> {
        self.state.lock().cause(group)
    }
}

impl State {
    /// The missing permission, and the user who needs it.
    pub(in crate::engine) fn cause(&self, group: &str) -> Option<String> {
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
                .map(|_| format!("{who} needs Read on every subscribed topic")),
            1 => Some(format!("{who} needs Read on topic {}", named(topics))),
            _ => Some(format!("{who} needs Read on the topics {}", named(topics))),
        }
    }

    /// Returns `true` if `topic` must be checked. `is_read` says whether something is read from it.
    pub(in crate::engine) fn is_due(&self, topic: &str, is_read: bool, now: Instant) -> bool {
        let is_in_doubt = self.missing.contains(topic)
            || self.hidden.contains(topic)
            || self.doubtful.contains(topic);
        let looked = self.looked.get(topic);
        is_in_doubt
            || looked.is_none_or(|at| !is_read && now.saturating_duration_since(*at) >= AGAIN)
    }

    /// Records the answer of a broker. Returns `true` if a topic has appeared.
    pub(in crate::engine) fn note(&mut self, topic: &str, found: TopicState) -> bool {
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
        let words = "User:guest needs Read on every subscribed topic";
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
