use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The label of all topics beyond the limit.
pub(crate) const OTHER: &str = "other";
/// How many topics get a label of their own.
pub(crate) const DEFAULT_LIMIT: usize = 200;

/// Bounds the topics on the page: a service that makes a topic for each customer would bury it.
#[derive(Debug)]
pub(crate) struct Topics {
    limit: AtomicUsize,
    /// Those with a label of their own. A counter never leaves the page, so nor does a topic.
    known: Mutex<HashSet<String>>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self {
            limit: AtomicUsize::new(DEFAULT_LIMIT),
            known: Mutex::default(),
        }
    }

    /// For topics that have no label yet.
    pub(crate) fn limit(&self, topics: usize) {
        self.limit.store(topics, Ordering::Relaxed);
    }

    /// The topic's label: its name, or [`OTHER`].
    pub(crate) fn label<'a>(&self, topic: &'a str) -> Cow<'a, str> {
        let mut known = self.known.lock();
        if !known.contains(topic) {
            if known.len() >= self.limit.load(Ordering::Relaxed) {
                return Cow::Borrowed(OTHER);
            }
            known.insert(topic.to_owned());
        }
        Cow::Borrowed(topic)
    }
}
