//! Detects handlers that return `Ok` and never ask for a commit.

use parking_lot::Mutex;
use rws_kafka_dispatch::TopicPartition;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time between the first such message and the warning. It is longer than most handlers need that pass
/// messages to other threads and commit them there.
const GRACE: Duration = Duration::from_secs(10);

/// Counts the messages whose handlers returned `Ok` without asking for a commit, until one asks.
///
/// Commits are explicit and easily forgotten: offsets do not move then, nothing fails, and the next run
/// handles every message again.
#[derive(Debug, Default)]
pub(crate) struct Unasked {
    has_asked: AtomicBool,
    messages: AtomicU64,
    first: Mutex<Option<First>>,
}

#[derive(Debug)]
struct First {
    at: Instant,
    topic: String,
    is_told: bool,
}

impl Unasked {
    /// Records that a handler has asked for a commit.
    pub(super) fn asked(&self) {
        // Written only once, because every lane reads it.
        if !self.has_asked.load(Ordering::Relaxed) {
            self.has_asked.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a run of handled messages, `unasked` of them without a commit.
    pub(super) fn handled(
        &self,
        messages: u64,
        unasked: u64,
        partition: &TopicPartition,
        now: impl FnOnce() -> Instant,
    ) {
        if messages > unasked {
            self.asked();
        }
        if unasked == 0 || self.has_asked.load(Ordering::Relaxed) {
            return;
        }
        if self.messages.fetch_add(unasked, Ordering::Relaxed) == 0 {
            self.first.lock().get_or_insert_with(|| First {
                at: now(),
                topic: partition.topic().to_owned(),
                is_told: false,
            });
        }
    }

    /// The number of such messages; 0 once a handler has asked for a commit.
    pub(super) fn messages(&self) -> u64 {
        match self.has_asked.load(Ordering::Relaxed) {
            true => 0,
            false => self.messages.load(Ordering::Relaxed),
        }
    }

    /// Logs the warning once, when it is time to. `is_last` is `true` if this is the last call.
    pub(super) fn warn(&self, group: &str, now: Instant, is_last: bool) {
        let messages = self.messages();
        if messages == 0 {
            return;
        }
        let mut first = self.first.lock();
        let Some(first) = first.as_mut().filter(|first| !first.is_told) else {
            return;
        };
        if is_last || now.saturating_duration_since(first.at) >= GRACE {
            first.is_told = true;
            tracing::warn!(
                target: "rws_kafka",
                group,
                topic = first.topic,
                messages,
                "handlers return Ok without calling commit: offsets do not move, and the next run handles \
                 these messages again; call commit on the message or the batch, or commit_on_ok on the \
                 consumer"
            );
        }
    }
}
