use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The label that all topics beyond the limit share.
pub(crate) const OTHER: &str = "other";
/// The number of topics that get a label of their own.
pub(crate) const DEFAULT_LIMIT: usize = 200;

/// Limits the topics on the page, for services that create a topic for each customer.
#[derive(Debug)]
pub(crate) struct Topics {
    limit: AtomicUsize,
    /// The topics with a label of their own. Counters never leave the page, so topics do not either.
    known: Mutex<HashSet<String>>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self {
            limit: AtomicUsize::new(DEFAULT_LIMIT),
            known: Mutex::default(),
        }
    }

    /// Sets the limit for topics that have no label yet.
    pub(crate) fn limit(&self, topics: usize) {
        self.limit.store(topics, Ordering::Relaxed);
    }

    /// Returns the topic's label: its name, or [`OTHER`].
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
