use crate::bell::Bell;
use crate::history::{History, Look, Place};
use crate::topic_partition::TopicPartition;
use crate::tracker::{Start, Tracker};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

/// The state of an assigned partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub enum Phase {
    /// Its messages are handed out and committed.
    Active,
    /// No more messages are handed out; those in flight may finish and are committed.
    Draining,
    /// It belongs to another member: nothing is committed any more.
    Released,
}

/// The data that the owner of a [`Partition`] keeps with it, such as metrics.
pub trait Recorders {
    /// Called when the partition is released, which ends its metrics.
    fn released(&self);
}

impl Recorders for () {
    fn released(&self) {}
}

/// One partition during one assignment.
///
/// Each message belongs to the `Partition` under which it was fetched. A revoke removes that object from the
/// assignment, so a late completion reaches an object that nobody commits: the object itself is the epoch.
#[derive(Debug)]
pub struct Partition<R> {
    /// Unique among all assignments of the worker.
    pub id: u64,
    /// The topic and the partition's number.
    pub name: TopicPartition,
    /// The owner's data.
    pub recorders: R,
    phase: AtomicU8,
    tracker: Mutex<Tracker>,
    history: Mutex<History>,
    /// Written under the tracker's lock, so that no finished message misses it.
    is_full: AtomicBool,
    /// The messages and the bytes down to which a full partition must get before it has room.
    low: [AtomicUsize; 2],
    /// Rings when a full partition has room again.
    bell: Arc<Bell>,
    /// Messages that were taken from librdkafka's queue wait for room.
    has_unread: AtomicBool,
    committed_at: Mutex<Option<SystemTime>>,
    /// When last checked, all messages before this offset were committed.
    read_to: AtomicI64,
    /// The transaction to which it contributes, or contributed last.
    transaction: AtomicU64,
    /// `true` if it is a partition of a retry topic.
    is_retry: bool,
    /// Until when a message that is not due waits. Not by a clock that can be set back, which would extend
    /// the wait by as much.
    due: Mutex<Option<Instant>>,
}

impl<R: Recorders> Partition<R> {
    /// Creates a partition. `id` must be unique among all assignments of the worker.
    pub fn new(id: u64, name: TopicPartition, recorders: R) -> Self {
        Self {
            id,
            name,
            recorders,
            phase: AtomicU8::new(Phase::Active as u8),
            tracker: Mutex::default(),
            history: Mutex::default(),
            is_full: AtomicBool::new(false),
            low: Default::default(),
            bell: Arc::default(),
            has_unread: AtomicBool::new(false),
            committed_at: Mutex::default(),
            read_to: AtomicI64::new(-1),
            transaction: AtomicU64::new(0),
            is_retry: false,
            due: Mutex::default(),
        }
    }

    /// Sets whether it is a partition of a retry topic.
    #[must_use]
    pub fn of_retries(mut self, is_retry: bool) -> Self {
        self.is_retry = is_retry;
        self
    }

    /// Sets the bell that rings when it was full and has room again. Default: one that nobody hears.
    #[must_use]
    pub fn ringing(mut self, bell: &Arc<Bell>) -> Self {
        self.bell = Arc::clone(bell);
        self
    }

    /// Marks it as the successor of `old`, which may not have been committed to its end.
    #[must_use]
    pub fn succeeding(self, old: &Self) -> Self {
        if old.is_uncommitted_history() {
            *self.history.lock() = History::of_another();
        }
        self
    }

    /// Moves to a later phase. An earlier one has no effect.
    pub fn advance(&self, to: Phase) {
        self.phase.fetch_max(to as u8, Ordering::AcqRel);
        if to == Phase::Released {
            self.recorders.released();
        }
    }
}

impl<R> Partition<R> {
    /// Returns `true` if it is a partition of a retry topic.
    pub fn is_retry(&self) -> bool {
        self.is_retry
    }

    /// Makes one of its messages wait until `due`.
    pub fn wait_until(&self, due: Instant) {
        let mut last = self.due.lock();
        *last = (*last).max(Some(due));
    }

    /// Returns `true` if one of its messages is not due at `now`.
    pub fn is_waiting(&self, now: Instant) -> bool {
        self.is_retry && self.due.lock().is_some_and(|due| due > now)
    }

    /// Returns the current phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Active,
            1 => Phase::Draining,
            _ => Phase::Released,
        }
    }

    /// Returns `true` while its messages are handed out.
    pub fn is_active(&self) -> bool {
        self.phase() == Phase::Active
    }

    /// Returns `true` while no more messages are fetched because there is no room.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Returns how many messages and bytes it may take in within these bounds. `None` if it is full: it has
    /// reached one of them, and has not been below half of both since. Its bell rings when it has room again.
    pub fn room(&self, messages: usize, bytes: usize) -> Option<(usize, usize)> {
        let tracker = self.tracker();
        let (held, held_bytes) = (tracker.held(), tracker.held_bytes());
        let is_full = match self.is_full() {
            true => held > messages / 2 || held_bytes > bytes / 2,
            false => held >= messages || held_bytes >= bytes,
        };
        self.low[0].store(messages / 2, Ordering::Relaxed);
        self.low[1].store(bytes / 2, Ordering::Relaxed);
        self.is_full.store(is_full, Ordering::Relaxed);
        drop(tracker);
        (!is_full).then(|| (messages - held, bytes - held_bytes))
    }

    /// Sets whether messages that were taken from librdkafka's queue wait for room.
    pub fn set_unread(&self, has_unread: bool) {
        self.has_unread.store(has_unread, Ordering::Relaxed);
    }

    /// Returns `true` at the first call for this transaction.
    pub fn joins(&self, transaction: u64) -> bool {
        self.transaction.swap(transaction, Ordering::Relaxed) != transaction
    }

    /// Returns the tracker of its messages, which knows all that are finished.
    pub fn tracker(&self) -> MutexGuard<'_, Tracker> {
        let mut tracker = self.tracker.lock();
        tracker.advance();
        tracker
    }

    /// Returns when the broker last accepted an offset.
    pub fn committed_at(&self) -> Option<SystemTime> {
        *self.committed_at.lock()
    }

    /// Notes that a message is finished.
    pub fn finish(&self, sequence: u64, marked: bool) {
        self.tracker().finish(sequence, marked);
        self.settle();
    }

    /// Rings the bell if it was full and finished messages have made room.
    pub fn settle(&self) {
        let tracker = self.tracker();
        // Once for each time that it was full.
        let rings = self.is_full() && {
            let [messages, bytes] = &self.low;
            tracker.held() <= messages.load(Ordering::Relaxed)
                && tracker.held_bytes() <= bytes.load(Ordering::Relaxed)
                && self.is_full.swap(false, Ordering::Relaxed)
        };
        drop(tracker);
        if rings {
            self.bell.ring();
        }
    }

    /// Notes that the broker has accepted `offset`.
    pub fn acked(&self, offset: i64) {
        let mut tracker = self.tracker();
        tracker.acked(offset);
        let is_of_this_history = tracker.committed() >= Some(offset);
        drop(tracker);
        if is_of_this_history {
            *self.committed_at.lock() = Some(SystemTime::now());
        }
    }

    /// Begins another history at `start`: messages taken in from now on belong to it.
    pub fn begin_history(&self, start: Start) {
        // The tracker first: a check of the history's end that is running compares its number.
        self.tracker().begin_history(start);
        self.history.lock().begin();
        self.read_to.store(-1, Ordering::Relaxed);
        *self.committed_at.lock() = None;
    }

    /// Notes that all messages before `position` have been fetched from the broker and taken from librdkafka's
    /// queue. Ignored while some of them wait for room.
    pub fn note_read(&self, position: i64) {
        if self.has_unread.load(Ordering::Relaxed) || !self.history.lock().note_read(position) {
            return;
        }
        if self.tracker().is_all_committed() {
            self.read_to.store(position, Ordering::Relaxed);
        }
    }

    /// Returns where the worker began to read a partition of which nothing is committed; `None` if that is
    /// unknown.
    pub fn began_at(&self) -> Option<i64> {
        let first = self.tracker().first();
        first.or_else(|| Some(self.read_to.load(Ordering::Relaxed)).filter(|read| *read >= 0))
    }

    /// Returns how many messages the group is behind `end`.
    ///
    /// Transaction markers and aborted messages have offsets but are not delivered. If there are only such
    /// offsets between `committed` and `end`, the lag is 0.
    pub fn lag(&self, end: i64, committed: i64) -> u64 {
        if self.tracker().is_all_committed() && self.read_to.load(Ordering::Relaxed) >= end {
            return 0;
        }
        end.saturating_sub(committed).max(0).unsigned_abs()
    }

    /// Returns the position of a message. For the poll thread, after all earlier messages are handed out.
    pub fn place(&self, offset: i64, fingerprint: impl Fn() -> u64) -> Place {
        let position = self.tracker().position();
        self.history.lock().place(position, offset, fingerprint)
    }

    /// Returns `true` if the group's committed offset is from an earlier history.
    pub fn is_uncommitted_history(&self) -> bool {
        // One lock at a time.
        let is_another = self.history.lock().is_another();
        is_another && self.tracker().committed().is_none()
    }

    /// Notes the last message that is handed out. For the poll thread.
    pub fn note_last(&self, offset: i64, fingerprint: u64) {
        self.history.lock().note_last(offset, fingerprint);
    }

    /// Returns the position for a comparison with the partition's end.
    pub fn look(&self) -> Look {
        let furthest = self.tracker().furthest();
        self.history.lock().look(furthest)
    }

    /// Returns `true` if several checks in a row found that the partition ends at an `end` before the
    /// position that was read, so that a newer history has replaced the one that was checked.
    pub fn is_outlived(&self, look: Look, end: i64) -> bool {
        self.history.lock().is_outlived(look, end)
    }

    /// Notes that a newer history, which begins at `start`, has replaced the one that was checked.
    pub fn outlive(&self, look: Look, start: i64) {
        self.history.lock().outlive(look, start);
    }

    /// Returns the start of the newer history that has replaced the current one, if any.
    pub fn outlived_by(&self) -> Option<i64> {
        self.history.lock().outlived_by()
    }

    /// Notes that librdkafka has found the log truncated, for example after the election of a leader that
    /// lacked the end.
    pub fn note_cut_off(&self) {
        self.history.lock().note_cut_off();
    }

    /// Returns `true` if the log was found truncated recently.
    pub fn was_cut_off(&self) -> bool {
        self.history.lock().was_cut_off()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(20);

    fn partition(messages: i64) -> Partition<()> {
        let name = TopicPartition::new("topic", 0);
        let partition = Partition::new(1, name, ());
        (0..messages).for_each(|offset| partition.tracker().push(offset, 10));
        partition
    }

    #[test]
    fn a_full_partition_has_room_once_it_holds_half_of_both_bounds() {
        let bell = Arc::new(Bell::default());
        let partition = partition(4).ringing(&bell);
        assert_eq!(partition.room(5, 100), Some((1, 60)));
        assert!(!partition.is_full());
        for (messages, bytes) in [(4, 100), (5, 40)] {
            assert_eq!(partition.room(messages, bytes), None);
            assert!(partition.is_full());
        }
        assert_eq!(partition.room(4, 60), None, "not below half of 4");
        partition.finish(0, false);
        assert!(partition.is_full(), "3 of 4");
        assert_eq!(partition.room(4, 60), None);
        partition.finish(1, false);
        assert!(!partition.is_full(), "a finished message makes room");
        bell.wait(SOON);
        assert_eq!(partition.room(4, 60), Some((2, 40)));
        // Larger bounds, as after a rebalance, make room as well.
        assert_eq!(partition.room(2, 60), None);
        assert_eq!(partition.room(8, 60), Some((6, 40)));
    }

    #[test]
    fn what_waits_for_room_is_not_read() {
        let partition = partition(0);
        partition.set_unread(true);
        partition.note_read(10);
        assert_eq!(partition.lag(10, 4), 6);
        partition.set_unread(false);
        partition.note_read(10);
        assert_eq!(partition.lag(10, 4), 0);
    }

    /// Different keys may wait for different times.
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
        // This message counts from now until its commit.
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
