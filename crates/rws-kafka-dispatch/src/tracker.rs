use std::collections::VecDeque;

/// Where a history of a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The broker says so: nothing before it exists any more.
    Known(i64),
    /// By the messages that came.
    Supposed(i64),
    /// Nobody knows.
    Unknown,
}

/// Which messages of one assigned partition are finished, and up to where it may be committed.
///
/// Messages are pushed in offset order (offsets may have gaps) and finish in any order. What may
/// be committed ends at the first unfinished message and reaches no further than the last finished
/// message that was marked for commit.
#[derive(Debug, Default)]
pub struct Tracker {
    slots: VecDeque<Slot>,
    /// Sequence number of the first slot.
    base: u64,
    bytes: usize,
    /// The offset to commit next, once something was marked in the finished prefix.
    target: Option<i64>,
    /// The last offset that the broker took.
    acked: Option<i64>,
    /// The offset of the first message pushed.
    first: Option<i64>,
    /// The offset after the last message taken in.
    end: Option<i64>,
    /// The highest of those.
    furthest: Option<i64>,
    /// Messages with a lower sequence number are of a history that has ended: their offsets mean
    /// nothing any more.
    boundary: u64,
    /// Where the present history begins, as far as its first messages tell: it is committed once those of
    /// the one before are finished.
    start: Option<i64>,
    /// One of those was finished since the broker last took an offset.
    has_outlived: bool,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    bytes: usize,
    finished: bool,
    marked: bool,
}

impl Tracker {
    /// The sequence number that the next push gives.
    #[inline]
    pub fn next_sequence(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    /// Takes in a message that was handed out for handling.
    #[inline]
    pub fn push(&mut self, offset: i64, bytes: usize) {
        self.bytes += bytes;
        self.first.get_or_insert(offset);
        self.end = Some(offset + 1);
        self.furthest = self.furthest.max(self.end);
        self.slots.push_back(Slot {
            offset,
            bytes,
            finished: false,
            marked: false,
        });
    }

    /// The message is handled; `marked` when its commit was asked for. A second call changes
    /// nothing.
    #[inline]
    pub fn finish(&mut self, sequence: u64, marked: bool) {
        let Some(slot) = self.slot(sequence) else {
            return;
        };
        slot.finished = true;
        slot.marked |= marked;
        while let Some(slot) = self.slots.front()
            && slot.finished
        {
            let Slot {
                offset,
                bytes,
                marked,
                ..
            } = *slot;
            self.slots.pop_front();
            self.base += 1;
            self.bytes -= bytes;
            // A message that is read again takes nothing back.
            if marked && self.base > self.boundary {
                self.target = self.target.max(Some(offset + 1));
            }
            self.has_outlived |= self.base <= self.boundary;
        }
        if self.base >= self.boundary {
            self.target = self.target.max(self.start.take());
        }
    }

    /// Asks for the commit of a message that was finished without it.
    #[inline]
    pub fn mark(&mut self, sequence: u64, offset: i64) {
        let is_outlived = self.is_outlived(sequence);
        match self.slot(sequence) {
            Some(slot) => slot.marked = true,
            None if is_outlived => {}
            None => self.target = self.target.max(Some(offset + 1)),
        }
    }

    /// The offset to commit, if the broker does not have it yet.
    pub fn to_commit(&self) -> Option<i64> {
        self.target.filter(|_| self.target > self.acked)
    }

    /// The offset to commit together with what was sent: again the last one, where a message of a
    /// history that has ended was finished, which has none any more.
    pub fn to_commit_with_outputs(&self) -> Option<i64> {
        let last = || self.target.max(self.start);
        self.to_commit()
            .or_else(|| last().filter(|_| self.has_outlived))
    }

    /// The broker took `offset`. One beyond what is to be committed is of a history that has ended
    /// meanwhile.
    pub fn acked(&mut self, offset: i64) {
        if Some(offset) <= self.target.max(self.start) {
            self.acked = self.acked.max(Some(offset));
            self.has_outlived = false;
        }
    }

    /// What is pushed from here on is of another history of the partition: its offsets begin again,
    /// and are committed though they are lower. What was pushed before is handled and not committed.
    ///
    /// Its start is committed, so that whoever has the partition next begins there.
    pub fn begin_history(&mut self, start: Start) {
        self.boundary = self.next_sequence();
        (self.target, self.start) = match start {
            Start::Known(start) => (Some(start), None),
            Start::Supposed(start) if self.slots.is_empty() => (Some(start), None),
            Start::Supposed(start) => (None, Some(start)),
            Start::Unknown => (None, None),
        };
        self.acked = None;
        self.first = None;
        self.end = None;
        self.furthest = None;
    }

    /// Whether the message is of a history that has ended.
    #[inline]
    pub fn is_outlived(&self, sequence: u64) -> bool {
        sequence < self.boundary
    }

    /// The last offset that the broker took in this assignment.
    #[inline]
    pub fn committed(&self) -> Option<i64> {
        self.acked
    }

    /// The offset of the first message that was taken in.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// The offset after the last message that was taken in.
    #[inline]
    pub fn position(&self) -> Option<i64> {
        self.end
    }

    /// The highest offset after a message that was taken in.
    pub fn furthest(&self) -> Option<i64> {
        self.furthest
    }

    /// Whether the broker has the offset of every message that was taken in.
    pub fn is_all_committed(&self) -> bool {
        self.slots.is_empty() && self.acked >= self.end
    }

    /// Whether every message before this one is finished.
    #[inline]
    pub fn is_next(&self, sequence: u64) -> bool {
        // What is finished at the front leaves at once.
        sequence <= self.base
    }

    /// Messages that are not finished.
    pub fn unfinished(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.finished).count()
    }

    /// Messages from the first unfinished one on: what holds memory and bounds the queue.
    #[inline]
    pub fn held(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the messages that are [held](Self::held).
    #[inline]
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        let index = usize::try_from(sequence.checked_sub(self.base)?).ok()?;
        self.slots.get_mut(index)
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
        // One that was on its way meanwhile counts.
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
        // Not before the end of what came before it.
        assert_eq!((tracker.to_commit(), tracker.unfinished()), (None, 2));
        tracker.finish(1, true);
        assert_eq!(tracker.to_commit(), Some(1));
        // Late words of the old history: a commit that was on its way, and a mark.
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
        /// Checked after every step against the plain list of what happened.
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
