use crate::engine::Broker;
use crate::error::ConsumerError;
use parking_lot::Mutex;
use rws_kafka_dispatch::TopicPartition;
use std::sync::atomic::{AtomicBool, Ordering};

/// The offsets that a worker has committed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    refuses: AtomicBool,
    commits: Mutex<Vec<(TopicPartition, i64)>>,
}

impl Ledger {
    pub(super) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> Vec<(TopicPartition, i64)> {
        self.commits.lock().clone()
    }

    /// All commits after the first `count`.
    pub(super) fn after(&self, count: usize) -> Vec<(TopicPartition, i64)> {
        self.commits.lock().iter().skip(count).cloned().collect()
    }

    pub(super) fn committed(&self, partition: &TopicPartition) -> Option<i64> {
        let commits = self.commits.lock();
        let mut latest = commits.iter().rev();
        latest.find_map(|(of, offset)| (of == partition).then_some(*offset))
    }
}

impl Broker for Ledger {
    fn refuses(&self) -> Option<ConsumerError> {
        let refuses = self.refuses.load(Ordering::Relaxed);
        refuses.then(|| ConsumerError::CommitRefused {
            detail: "refused by the test".to_owned(),
        })
    }

    fn take(&self, offsets: &[(TopicPartition, i64)]) {
        self.commits.lock().extend_from_slice(offsets);
    }
}
