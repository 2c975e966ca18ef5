use crate::marks::{Mark, Marks};
use std::collections::VecDeque;

/// Where a history of a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Reported by the broker: no earlier message exists any more.
    Known(i64),
    /// Inferred from the messages that were received.
    Supposed(i64),
    /// Not known.
    Unknown,
}

/// Tracks which messages of an assigned partition are finished, and up to which offset it may be committed.
///
/// Messages are pushed in offset order (offsets may have gaps) and finish in any order. The committable
/// prefix ends at the first unfinished message, and reaches at most to the last finished message that was
/// marked for commit.
///
/// Whoever finishes a message writes that to its mark, without a lock. The tracker reads the marks when it
/// [advances](Self::advance), for many messages at a time.
#[derive(Debug, Default)]
pub struct Tracker {
    segments: VecDeque<Segment>,
    /// Sequence number of the first unfinished message.
    base: u64,
    /// Sequence number of the next message pushed.
    next: u64,
    bytes: usize,
    /// The offset to commit next, once a message in the finished prefix was marked.
    target: Option<i64>,
    /// The last offset that the broker accepted.
    acked: Option<i64>,
    /// The offset of the first message pushed.
    first: Option<i64>,
    /// The offset after the last message taken in.
    end: Option<i64>,
    /// The highest `end` so far.
    furthest: Option<i64>,
    /// Messages with a lower sequence number belong to a history that has ended, so that their offsets are
    /// meaningless.
    boundary: u64,
    /// The start of the current history, as inferred from its first messages. It is committed once the
    /// messages of the previous history are finished.
    start: Option<i64>,
    /// Set if a message of an ended history has finished since the broker last accepted an offset.
    has_outlived: bool,
}

/// Consecutive messages that were pushed together, as a batch.
#[derive(Debug)]
struct Segment {
    /// Sequence number of the first message.
    first: u64,
    marks: Marks,
    /// The size of a message, in bytes.
    bytes: usize,
}

impl Tracker {
    /// Returns the sequence number of the next message pushed.
    #[inline]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Adds a message that is handed out.
    #[inline]
    pub fn push(&mut self, offset: i64, bytes: usize) {
        self.push_all(&Marks::from_iter([Mark::new(offset)]), bytes);
    }

    /// Adds the messages of a batch, which are handed out. Each has `bytes` bytes.
    pub(crate) fn push_all(&mut self, marks: &Marks, bytes: usize) {
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
            return;
        };
        self.bytes += bytes * marks.len();
        self.first.get_or_insert(first.offset());
        self.end = Some(last.offset() + 1);
        self.furthest = self.furthest.max(self.end);
        self.segments.push_back(Segment {
            first: self.next,
            marks: Marks::clone(marks),
            bytes,
        });
        self.next += marks.len() as u64;
    }

    /// Notes that the message is finished; `marked` if its commit was requested. A second call has no effect.
    #[inline]
    pub fn finish(&mut self, sequence: u64, marked: bool) {
        if let Some(mark) = self.mark_of(sequence) {
            mark.finish(marked);
        }
        self.advance();
    }

    /// Removes the finished messages before the first unfinished one.
    pub fn advance(&mut self) {
        while let Some(segment) = self.segments.front() {
            let start = usize::try_from(self.base - segment.first).unwrap_or(usize::MAX);
            let left = segment.marks.get(start..).unwrap_or_default();
            let mut finished = 0;
            // A message that is read again must not lower the target.
            let mut target = self.target;
            for (mark, base) in left.iter().zip(self.base + 1..) {
                let Some(marked) = mark.finished() else {
                    break;
                };
                finished += 1;
                if marked && base > self.boundary {
                    target = target.max(Some(mark.offset() + 1));
                }
            }
            let is_over = finished == left.len();
            if finished > 0 {
                self.target = target;
                self.has_outlived |= self.base < self.boundary;
                self.base += finished as u64;
                self.bytes -= finished * segment.bytes;
            }
            if !is_over {
                break;
            }
            self.segments.pop_front();
        }
        if self.base >= self.boundary {
            self.target = self.target.max(self.start.take());
        }
    }

    /// Marks a finished message for commit.
    #[inline]
    pub fn mark(&mut self, sequence: u64, offset: i64) {
        let is_outlived = self.is_outlived(sequence);
        match self.mark_of(sequence) {
            Some(mark) => drop(mark.request()),
            None if is_outlived => {}
            None => self.target = self.target.max(Some(offset + 1)),
        }
    }

    /// Returns the offset to commit, if the broker does not have it yet.
    pub fn to_commit(&self) -> Option<i64> {
        self.target.filter(|_| self.target > self.acked)
    }

    /// Returns the offset to commit together with outputs. If a message of an ended history has finished,
    /// whose own offset is meaningless, this is the last offset again.
    pub fn to_commit_with_outputs(&self) -> Option<i64> {
        let last = || self.target.max(self.start);
        self.to_commit()
            .or_else(|| last().filter(|_| self.has_outlived))
    }

    /// Notes that the broker has accepted `offset`. An offset beyond the one to commit is from a history that
    /// has ended in the meantime, and is ignored.
    pub fn acked(&mut self, offset: i64) {
        if Some(offset) <= self.target.max(self.start) {
            self.acked = self.acked.max(Some(offset));
            self.has_outlived = false;
        }
    }

    /// Begins another history of the partition for the messages pushed from now on. Its offsets start again,
    /// and are committed although they are lower. Messages pushed before are handled but not committed.
    ///
    /// The start of the history is committed, so that the next owner of the partition begins there.
    pub fn begin_history(&mut self, start: Start) {
        self.boundary = self.next_sequence();
        (self.target, self.start) = match start {
            Start::Known(start) => (Some(start), None),
            Start::Supposed(start) if self.held() == 0 => (Some(start), None),
            Start::Supposed(start) => (None, Some(start)),
            Start::Unknown => (None, None),
        };
        self.acked = None;
        self.first = None;
        self.end = None;
        self.furthest = None;
    }

    /// Returns `true` if the message belongs to a history that has ended.
    #[inline]
    pub fn is_outlived(&self, sequence: u64) -> bool {
        sequence < self.boundary
    }

    /// Returns the last offset that the broker accepted in this assignment.
    #[inline]
    pub fn committed(&self) -> Option<i64> {
        self.acked
    }

    /// Returns the offset of the first message taken in.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// Returns the offset after the last message taken in.
    #[inline]
    pub fn position(&self) -> Option<i64> {
        self.end
    }

    /// Returns the highest offset after a message taken in.
    pub fn furthest(&self) -> Option<i64> {
        self.furthest
    }

    /// Returns `true` if the broker has the offset of every message taken in.
    pub fn is_all_committed(&self) -> bool {
        self.held() == 0 && self.acked >= self.end
    }

    /// Returns `true` if every message before this one is finished.
    #[inline]
    pub fn is_next(&self, sequence: u64) -> bool {
        // Finished messages at the front are removed at once.
        sequence <= self.base
    }

    /// Returns the number of unfinished messages.
    pub fn unfinished(&self) -> usize {
        self.unfinished_marks().count()
    }

    /// Returns the number of messages from the first unfinished one on. They occupy memory and count against
    /// the limit.
    #[inline]
    pub fn held(&self) -> usize {
        usize::try_from(self.next - self.base).unwrap_or(usize::MAX)
    }

    /// Returns the size of the [held](Self::held) messages, in bytes.
    #[inline]
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn unfinished_marks(&self) -> impl Iterator<Item = &Mark> {
        let marks = self
            .segments
            .iter()
            .flat_map(|segment| segment.marks.iter());
        marks.filter(|mark| mark.finished().is_none())
    }

    /// Returns the mark of a message, unless it was removed.
    fn mark_of(&self, sequence: u64) -> Option<&Mark> {
        if sequence < self.base {
            return None;
        }
        let after = self
            .segments
            .partition_point(|segment| segment.first <= sequence);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        segment
            .marks
            .get(usize::try_from(sequence - segment.first).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tracker(offsets: &[i64]) -> Tracker {
        let mut tracker = Tracker::default();
        offsets.iter().for_each(|offset| tracker.push(*offset, 10));
        tracker
    }

    #[test]
    fn nothing_is_due_before_the_first_message_is_finished() {
        let mut tracker = tracker(&[5, 6, 7]);
        tracker.finish(1, true);
        tracker.finish(2, true);
        assert_eq!(tracker.to_commit(), None);
        tracker.finish(0, true);
        assert_eq!(tracker.to_commit(), Some(8));
        assert_eq!((tracker.held(), tracker.held_bytes()), (0, 0));
    }

    #[test]
    fn a_message_finished_without_a_mark_triggers_no_commit_and_a_later_mark_covers_it() {
        let mut tracker = tracker(&[5, 6, 9]);
        tracker.finish(0, false);
        assert_eq!(tracker.to_commit(), None);
        tracker.finish(1, true);
        assert_eq!(tracker.to_commit(), Some(7));
        tracker.finish(2, false);
        assert_eq!(tracker.to_commit(), Some(7));
        tracker.mark(2, 9);
        assert_eq!(tracker.to_commit(), Some(10));
    }

    #[test]
    fn what_the_broker_took_is_not_due_again() {
        let mut tracker = tracker(&[5, 6]);
        tracker.finish(0, true);
        tracker.acked(6);
        assert_eq!(tracker.to_commit(), None);
        tracker.finish(0, true);
        assert_eq!(tracker.to_commit(), None);
        tracker.finish(1, true);
        assert_eq!(tracker.to_commit(), Some(7));
    }

    #[test]
    fn a_late_mark_of_an_old_message_does_not_go_back() {
        let mut tracker = tracker(&[5, 6]);
        tracker.finish(0, false);
        tracker.finish(1, true);
        tracker.mark(0, 5);
        assert_eq!(tracker.to_commit(), Some(7));
    }

    #[test]
    fn what_is_read_again_takes_nothing_back() {
        let mut tracker = tracker(&[5, 6]);
        tracker.finish(0, true);
        tracker.finish(1, true);
        for offset in [5, 6, 7] {
            tracker.push(offset, 10);
        }
        tracker.finish(2, true);
        assert_eq!(tracker.to_commit(), Some(7));
        // A commit that was in flight meanwhile counts.
        tracker.acked(7);
        tracker.finish(3, true);
        assert_eq!(tracker.to_commit(), None);
        tracker.finish(4, true);
        assert_eq!(tracker.to_commit(), Some(8));
    }

    #[test]
    fn a_new_history_is_committed_though_its_offsets_are_lower() {
        let mut tracker = tracker(&[8, 9]);
        tracker.finish(0, true);
        tracker.acked(9);
        tracker.begin_history(Start::Unknown);
        assert_eq!((tracker.committed(), tracker.to_commit()), (None, None));
        assert_eq!((tracker.first(), tracker.position()), (None, None));
        tracker.push(0, 10);
        tracker.push(1, 10);
        tracker.finish(2, true);
        // Not before the earlier messages are finished.
        assert_eq!((tracker.to_commit(), tracker.unfinished()), (None, 2));
        tracker.finish(1, true);
        assert_eq!(tracker.to_commit(), Some(1));
        // Late events of the old history: a commit in flight, and a mark.
        tracker.acked(10);
        tracker.mark(1, 9);
        tracker.mark(0, 8);
        assert_eq!((tracker.committed(), tracker.to_commit()), (None, Some(1)));
        tracker.finish(3, true);
        tracker.acked(2);
        assert_eq!((tracker.committed(), tracker.to_commit()), (Some(2), None));
    }

    #[test]
    fn the_start_of_a_new_history_is_committed_without_a_message() {
        let mut tracker = tracker(&[8, 9]);
        tracker.begin_history(Start::Known(0));
        assert_eq!(tracker.to_commit(), Some(0));
        tracker.acked(0);
        assert_eq!((tracker.to_commit(), tracker.committed()), (None, Some(0)));
        assert_eq!(tracker.held(), 2);
    }

    #[test]
    fn a_supposed_start_is_committed_behind_what_is_unfinished() {
        let mut tracker = tracker(&[8, 9]);
        tracker.begin_history(Start::Supposed(3));
        assert_eq!(tracker.to_commit(), None);
        tracker.push(3, 10);
        tracker.finish(0, true);
        assert_eq!(
            (tracker.to_commit(), tracker.to_commit_with_outputs()),
            (None, Some(3))
        );
        tracker.finish(1, true);
        assert_eq!(tracker.to_commit(), Some(3));
        tracker.finish(2, true);
        assert_eq!(tracker.to_commit(), Some(4));

        let mut idle = Tracker::default();
        idle.begin_history(Start::Supposed(3));
        assert_eq!(idle.to_commit(), Some(3));
    }

    #[test]
    fn what_an_outlived_message_sent_has_the_last_offset_again() {
        let mut tracker = tracker(&[8, 9]);
        tracker.begin_history(Start::Known(0));
        tracker.acked(0);
        assert_eq!(tracker.to_commit_with_outputs(), None);
        tracker.finish(0, true);
        assert_eq!(tracker.to_commit(), None);
        assert_eq!(tracker.to_commit_with_outputs(), Some(0));
        tracker.acked(0);
        assert_eq!(tracker.to_commit_with_outputs(), None, "it is covered");
        tracker.finish(1, true);
        tracker.push(0, 10);
        tracker.finish(2, true);
        assert_eq!(tracker.to_commit_with_outputs(), Some(1));
    }

    #[test]
    fn what_is_next_and_what_is_unfinished_is_told() {
        let mut tracker = tracker(&[5, 6, 9]);
        assert!(tracker.is_next(0) && !tracker.is_next(1));
        tracker.finish(1, true);
        assert_eq!((tracker.unfinished(), tracker.held()), (2, 3));
        assert!(!tracker.is_next(1));
        tracker.finish(0, true);
        assert!(tracker.is_next(1) && tracker.is_next(2));
        assert_eq!((tracker.unfinished(), tracker.held()), (1, 1));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { gap: i64 },
        Finish { which: usize, marked: bool },
        Mark { which: usize },
        Ack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..4_i64).prop_map(|gap| Step::Push { gap }),
            (0..64_usize, any::<bool>()).prop_map(|(which, marked)| Step::Finish { which, marked }),
            (0..64_usize).prop_map(|which| Step::Mark { which }),
            Just(Step::Ack),
        ]
    }

    proptest! {
        /// Checked after every step against a plain list of the messages.
        #[test]
        fn the_commit_never_passes_an_unfinished_message_and_never_goes_back(
            steps in proptest::collection::vec(step(), 1..400)
        ) {
            let mut tracker = Tracker::default();
            // Offset, finished, marked of each message since the start.
            let mut all: Vec<(i64, bool, bool)> = Vec::new();
            let mut last_target = None;
            for step in steps {
                match step {
                    Step::Push { gap } => {
                        let offset = all.last().map_or(0, |(offset, ..)| offset + gap);
                        prop_assert_eq!(tracker.next_sequence(), all.len() as u64);
                        tracker.push(offset, 1);
                        all.push((offset, false, false));
                    }
                    Step::Finish { which, marked } if !all.is_empty() => {
                        let which = which % all.len();
                        let first_time = !all[which].1;
                        tracker.finish(which as u64, marked && first_time);
                        all[which].1 = true;
                        all[which].2 |= marked && first_time;
                    }
                    Step::Mark { which } if !all.is_empty() => {
                        let which = which % all.len();
                        if all[which].1 {
                            tracker.mark(which as u64, all[which].0);
                            all[which].2 = true;
                        }
                    }
                    Step::Ack => {
                        if let Some(offset) = tracker.to_commit() {
                            tracker.acked(offset);
                        }
                    }
                    _ => {}
                }
                let prefix = all.iter().take_while(|(_, finished, _)| *finished).count();
                let expected = all[..prefix]
                    .iter()
                    .filter(|(.., marked)| *marked)
                    .map(|(offset, ..)| offset + 1)
                    .max();
                prop_assert_eq!(tracker.target, expected);
                prop_assert!(tracker.target >= last_target);
                prop_assert_eq!(tracker.held(), all.len() - prefix);
                last_target = tracker.target;
            }
        }
    }
}
