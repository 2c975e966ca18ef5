use crate::history::{History, Look, Place};
use crate::topic_partition::TopicPartition;
use crate::tracker::{Start, Tracker};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// What may be done with an assigned partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub enum Phase {
    /// Messages are handed out and committed.
    Active,
    /// No message is handed out any more; what runs may finish and is committed.
    Draining,
    /// It belongs to someone else: nothing is committed any more.
    Released,
}

/// What the owner of a [`Partition`] keeps with it, such as its metrics.
pub trait Recorders {
    /// The partition is released: what is told of it ends.
    fn released(&self);
}

impl Recorders for () {
    fn released(&self) {}
}

/// One partition for the time of one assignment.
///
/// Everything that happens to a message reaches the `Partition` that it was fetched under. After a
/// revoke that object is out of the assignment, so that a late completion finds nobody who would
/// commit it: the object itself is the epoch.
#[derive(Debug)]
pub struct Partition<R> {
    /// One that no other assignment of the worker had.
    pub id: u64,
    /// The topic and the number.
    pub name: TopicPartition,
    /// What its owner keeps with it.
    pub recorders: R,
    phase: AtomicU8,
    tracker: Mutex<Tracker>,
    history: Mutex<History>,
    /// The poll thread waits until the tracker holds no more than this; 0 when it does not wait.
    wanted: AtomicUsize,
    room: Condvar,
    is_full: AtomicBool,
    committed_at: Mutex<Option<SystemTime>>,
    /// There is no message before this offset that was not committed, when it was last looked at.
    read_to: AtomicI64,
    /// The transaction that it has something in, or had last.
    transaction: AtomicU64,
    /// Whether it is a retry topic's.
    is_retry: bool,
    /// Until when a message of it waits that is not due. By no clock that can be set back: that would
    /// go on for as long as it was.
    due: Mutex<Option<Instant>>,
}

impl<R: Recorders> Partition<R> {
    /// `id` is one that no other assignment of the worker had.
    pub fn new(id: u64, name: TopicPartition, recorders: R) -> Self {
        Self {
            id,
            name,
            recorders,
            phase: AtomicU8::new(Phase::Active as u8),
            tracker: Mutex::default(),
            history: Mutex::default(),
            wanted: AtomicUsize::new(0),
            room: Condvar::new(),
            is_full: AtomicBool::new(false),
            committed_at: Mutex::default(),
            read_to: AtomicI64::new(-1),
            transaction: AtomicU64::new(0),
            is_retry: false,
            due: Mutex::default(),
        }
    }

    /// Of a retry topic, or not.
    #[must_use]
    pub fn of_retries(mut self, is_retry: bool) -> Self {
        self.is_retry = is_retry;
        self
    }

    /// In place of `old`, which was not committed to its end.
    #[must_use]
    pub fn succeeding(self, old: &Self) -> Self {
        if old.is_uncommitted_history() {
            *self.history.lock() = History::of_another();
        }
        self
    }

    /// Phases only go forward.
    pub fn advance(&self, to: Phase) {
        self.phase.fetch_max(to as u8, Ordering::AcqRel);
        if to == Phase::Released {
            self.recorders.released();
        }
    }
}

impl<R> Partition<R> {
    /// Whether it is a retry topic's.
    pub fn is_retry(&self) -> bool {
        self.is_retry
    }

    /// A message of it is not looked at again before `due`.
    pub fn wait_until(&self, due: Instant) {
        let mut last = self.due.lock();
        *last = (*last).max(Some(due));
    }

    /// Whether a message of it is not due at `now`.
    pub fn is_waiting(&self, now: Instant) -> bool {
        self.is_retry && self.due.lock().is_some_and(|due| due > now)
    }

    /// What may be done with it now.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Active,
            1 => Phase::Draining,
            _ => Phase::Released,
        }
    }

    /// Whether messages of it are handed out.
    pub fn is_active(&self) -> bool {
        self.phase() == Phase::Active
    }

    /// Whether no more of it is fetched, for want of room.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// No more of it is fetched, for want of room; or it is again.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Returns `true` at the first call for this transaction, of those one after the other.
    pub fn joins(&self, transaction: u64) -> bool {
        self.transaction.swap(transaction, Ordering::Relaxed) != transaction
    }

    /// Which of its messages are finished.
    pub fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock()
    }

    /// When the broker last took an offset.
    pub fn committed_at(&self) -> Option<SystemTime> {
        *self.committed_at.lock()
    }

    /// A message is handled.
    pub fn finish(&self, sequence: u64, marked: bool) {
        self.finish_all([(sequence, marked)]);
    }

    /// Messages are handled: the sequence number of each, and whether it is marked.
    pub fn finish_all(&self, messages: impl IntoIterator<Item = (u64, bool)>) {
        let held = {
            let mut tracker = self.tracker();
            for (sequence, marked) in messages {
                tracker.finish(sequence, marked);
            }
            tracker.held()
        };
        // Once for a wait, not once for a message: it costs a system call.
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted > 0 && held <= wanted {
            self.room.notify_one();
        }
    }

    /// The broker took `offset`.
    pub fn acked(&self, offset: i64) {
        let mut tracker = self.tracker();
        tracker.acked(offset);
        let is_of_this_history = tracker.committed() >= Some(offset);
        drop(tracker);
        if is_of_this_history {
            *self.committed_at.lock() = Some(SystemTime::now());
        }
    }

    /// What is taken in from here on is of another history, which begins at `start`.
    pub fn begin_history(&self, start: Start) {
        // First the tracker: a look at the history's end that is under way compares its number.
        self.tracker().begin_history(start);
        self.history.lock().begin();
        self.read_to.store(-1, Ordering::Relaxed);
        *self.committed_at.lock() = None;
    }

    /// Waits until the tracker holds no more than both bounds; false when it still does after
    /// `time`.
    pub fn wait_for_room(&self, messages: usize, bytes: usize, time: Duration) -> bool {
        let until = Instant::now() + time;
        self.wanted.store(messages.max(1), Ordering::Relaxed);
        let mut tracker = self.tracker();
        let has_room = loop {
            if tracker.held() <= messages && tracker.held_bytes() <= bytes {
                break true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.is_active() {
                break false;
            }
            // A finish that came before `wanted` was seen is caught by the next look.
            let step = left.min(Duration::from_millis(2));
            self.room.wait_for(&mut tracker, step);
        };
        self.wanted.store(0, Ordering::Relaxed);
        has_room
    }

    /// All before `position` has been taken from the broker and from librdkafka.
    pub fn note_read(&self, position: i64) {
        if !self.history.lock().note_read(position) {
            return;
        }
        if self.tracker().is_all_committed() {
            self.read_to.store(position, Ordering::Relaxed);
        }
    }

    /// Where the worker began to read, of a partition of which nothing is committed; `None` where that
    /// is not known.
    pub fn began_at(&self) -> Option<i64> {
        let first = self.tracker().first();
        first.or_else(|| Some(self.read_to.load(Ordering::Relaxed)).filter(|read| *read >= 0))
    }

    /// How many messages the group is behind `end`.
    ///
    /// Marks of transactions and what was aborted have offsets and are no messages: where only
    /// such stand between `committed` and `end`, there is no work.
    pub fn lag(&self, end: i64, committed: i64) -> u64 {
        if self.tracker().is_all_committed() && self.read_to.load(Ordering::Relaxed) >= end {
            return 0;
        }
        end.saturating_sub(committed).max(0).unsigned_abs()
    }

    /// Where a message stands; for the poll thread, with everything before it handed out.
    pub fn place(&self, offset: i64, fingerprint: impl Fn() -> u64) -> Place {
        let position = self.tracker().position();
        self.history.lock().place(position, offset, fingerprint)
    }

    /// Returns `true` if the group's committed offset is of a history before this one.
    pub fn is_uncommitted_history(&self) -> bool {
        // A lock at a time.
        let is_another = self.history.lock().is_another();
        is_another && self.tracker().committed().is_none()
    }

    /// The last message that is handed out; for the poll thread.
    pub fn note_last(&self, offset: i64, fingerprint: u64) {
        self.history.lock().note_last(offset, fingerprint);
    }

    /// For a comparison with the partition's end.
    pub fn look(&self) -> Look {
        let furthest = self.tracker().furthest();
        self.history.lock().look(furthest)
    }

    /// Whether another history has taken the place of the one that was looked at, as the partition ends
    /// at `end`, at several looks in a row.
    pub fn is_outlived(&self, look: Look, end: i64) -> bool {
        self.history.lock().is_outlived(look, end)
    }

    /// Another history, which begins at `start`, has taken the place of the one that was looked at.
    pub fn outlive(&self, look: Look, start: i64) {
        self.history.lock().outlive(look, start);
    }

    /// Where the history begins that has taken the place of the present one.
    pub fn outlived_by(&self) -> Option<i64> {
        self.history.lock().outlived_by()
    }

    /// librdkafka has found the end of the log cut off, as after the election of a leader that missed it.
    pub fn note_cut_off(&self) {
        self.history.lock().note_cut_off();
    }

    /// Whether that was a moment ago.
    pub fn was_cut_off(&self) -> bool {
        self.history.lock().was_cut_off()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SOON: Duration = Duration::from_secs(20);

    fn partition(messages: i64) -> Partition<()> {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        (0..messages).for_each(|offset| partition.tracker().push(offset, 10));
        partition
    }

    #[test]
    fn room_is_there_once_both_bounds_are_met() {
        let partition = partition(4);
        assert!(!partition.wait_for_room(2, 1000, Duration::ZERO));
        assert!(!partition.wait_for_room(1000, 20, Duration::ZERO));
        thread::scope(|scope| {
            let wait = scope.spawn(|| partition.wait_for_room(2, 20, SOON));
            partition.finish(0, false);
            partition.finish(1, false);
            assert!(wait.join().unwrap());
        });
    }

    #[test]
    fn a_revoke_ends_the_wait_for_room() {
        let partition = partition(1);
        thread::scope(|scope| {
            let wait = scope.spawn(|| partition.wait_for_room(0, 0, SOON));
            partition.advance(Phase::Draining);
            assert!(!wait.join().unwrap());
        });
    }

    /// Keys may wait for different times.
    #[test]
    fn a_retry_topics_partition_waits_for_as_long_as_one_of_its_messages() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let retries = partition(1).of_retries(true);
        assert!(!retries.is_waiting(now));
        retries.wait_until(after(10));
        retries.wait_until(after(5));
        let waits = [0, 5, 9, 10].map(|seconds| retries.is_waiting(after(seconds)));
        assert_eq!(waits, [true, true, true, false]);
        let other = partition(1);
        other.wait_until(after(10));
        assert!(!other.is_waiting(now));
    }

    #[test]
    fn what_holds_no_messages_is_no_lag() {
        let partition = partition(0);
        assert_eq!(partition.lag(10, 4), 6);
        partition.note_read(9);
        assert_eq!(partition.lag(10, 4), 6);
        partition.note_read(10);
        assert_eq!(partition.lag(10, 4), 0);
        assert_eq!(partition.lag(11, 4), 7);
        // A message is taken in: from here to its commit it counts.
        partition.tracker().push(10, 1);
        partition.note_read(12);
        assert_eq!(partition.lag(12, 4), 8);
        partition.finish(0, true);
        assert_eq!(partition.lag(12, 4), 8);
        partition.tracker().acked(11);
        partition.note_read(12);
        assert_eq!(partition.lag(12, 11), 0);
    }
}
