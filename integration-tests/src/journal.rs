//! Records what handlers were given, to compare it with what was sent.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rws_kafka::{ConsumerContext, ConsumerHandle};

use crate::wait::SOON;

/// The messages that handlers were given.
pub type Journal = JournalOf<Given>;

/// A list that handlers add to and the test reads, in the order of the additions. Clones share it.
///
/// Its entries are [`Given`]s, or values of a test's own type.
#[derive(Debug)]
pub struct JournalOf<T>(Arc<Mutex<Vec<T>>>);

/// A message that a handler was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The partition of the message.
    pub partition: i32,
    /// The offset of the message.
    pub offset: i64,
    /// 1 for the first attempt.
    pub attempt: u32,
}

impl From<&ConsumerContext> for Given {
    fn from(message: &ConsumerContext) -> Self {
        Self {
            partition: message.partition(),
            offset: message.offset(),
            attempt: message.attempt(),
        }
    }
}

impl<T> Default for JournalOf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for JournalOf<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> JournalOf<T> {
    /// Adds an entry.
    pub fn note(&self, entry: impl Into<T>) {
        self.0.lock().push(entry.into());
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Returns `true` if nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Takes all entries out.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock())
    }
}

impl<T: Clone> JournalOf<T> {
    /// Returns all entries.
    pub fn all(&self) -> Vec<T> {
        self.0.lock().clone()
    }
}

impl Journal {
    /// Returns the offsets of one partition, repeated ones included.
    pub fn of(&self, partition: i32) -> Vec<i64> {
        let all = self.0.lock();
        let of_partition = all.iter().filter(|given| given.partition == partition);
        of_partition.map(|given| given.offset).collect()
    }

    /// Returns the number of different messages.
    pub fn distinct(&self) -> usize {
        self.first_deliveries().values().map(Vec::len).sum()
    }

    /// Waits until there are `count` different messages.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer after two minutes; the message contains the worker's status.
    #[track_caller]
    pub fn wait_for(&self, count: usize, worker: &ConsumerHandle) {
        let end = Instant::now() + 2 * SOON;
        while self.distinct() < count {
            let status = worker.status();
            let seen = self.distinct();
            assert!(
                Instant::now() < end,
                "handled {seen} of {count} messages: {status:#?}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Checks that no message is missing and that the first deliveries of each partition came in
    /// its order; `ends` are the partitions' ends.
    ///
    /// # Panics
    ///
    /// Panics if a message is missing or came before its predecessor.
    #[track_caller]
    pub fn assert_none_lost(&self, ends: &[i64]) {
        let first = self.first_deliveries();
        for (partition, end) in (0..).zip(ends) {
            let offsets = first.get(&partition).cloned().unwrap_or_default();
            assert_in_order(partition, &offsets, *end);
        }
    }

    /// Checks that each message came once and in the order of its partition; `ends` are the
    /// partitions' ends.
    ///
    /// # Panics
    ///
    /// Panics if a message is missing, came twice, or came before its predecessor.
    #[track_caller]
    pub fn assert_each_once(&self, ends: &[i64]) {
        for (partition, end) in (0..).zip(ends) {
            assert_in_order(partition, &self.of(partition), *end);
        }
    }

    /// Returns the offsets of each partition, without repeated ones.
    fn first_deliveries(&self) -> BTreeMap<i32, Vec<i64>> {
        let mut seen = HashSet::new();
        let mut first: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for given in self.0.lock().iter() {
            if seen.insert((given.partition, given.offset)) {
                first.entry(given.partition).or_default().push(given.offset);
            }
        }
        first
    }
}

/// Compares with 0 to `end`, and prints only the first difference of thousands.
#[track_caller]
fn assert_in_order(partition: i32, offsets: &[i64], end: i64) {
    for (expected, offset) in (0..).zip(offsets) {
        assert_eq!(*offset, expected, "partition {partition}");
    }
    assert_eq!(offsets.len() as i64, end, "messages of {partition}");
}
