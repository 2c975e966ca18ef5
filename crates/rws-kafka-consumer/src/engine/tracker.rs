use std::collections::VecDeque;

/// Which messages of one assigned partition are finished, and up to where it may be committed.
///
/// Messages are pushed in offset order (offsets may have gaps) and finish in any order. What may
/// be committed ends at the first unfinished message and reaches no further than the last finished
/// message that was marked for commit.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
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
    pub(crate) fn next_sequence(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    /// Takes in a message that was handed out for handling.
    pub(crate) fn push(&mut self, offset: i64, bytes: usize) {
        self.bytes += bytes;
        self.first.get_or_insert(offset);
        self.end = Some(offset + 1);
        self.slots.push_back(Slot {
            offset,
            bytes,
            finished: false,
            marked: false,
        });
    }

    /// The message is handled; `marked` when its commit was asked for. A second call changes
    /// nothing.
    pub(crate) fn finish(&mut self, sequence: u64, marked: bool) {
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
            if marked {
                self.target = Some(offset + 1);
            }
        }
    }

    /// Asks for the commit of a message that was finished without it.
    pub(crate) fn mark(&mut self, sequence: u64, offset: i64) {
        match self.slot(sequence) {
            Some(slot) => slot.marked = true,
            None => self.target = self.target.max(Some(offset + 1)),
        }
    }

    /// The offset to commit, if the broker does not have it yet.
    pub(crate) fn to_commit(&self) -> Option<i64> {
        self.target.filter(|_| self.target > self.acked)
    }

    /// The broker took `offset`.
    pub(crate) fn acked(&mut self, offset: i64) {
        self.acked = self.acked.max(Some(offset));
    }

    /// The last offset that the broker took in this assignment.
    pub(crate) fn committed(&self) -> Option<i64> {
        self.acked
    }

    /// The offset of the first message that was taken in.
    pub(crate) fn first(&self) -> Option<i64> {
        self.first
    }

    /// The offset after the last message that was taken in.
    pub(crate) fn position(&self) -> Option<i64> {
        self.end
    }

    /// Whether the broker has the offset of every message that was taken in.
    pub(crate) fn is_all_committed(&self) -> bool {
        self.slots.is_empty() && self.acked >= self.end
    }

    /// Whether every message before this one is finished.
    pub(crate) fn is_next(&self, sequence: u64) -> bool {
        // What is finished at the front leaves at once.
        sequence <= self.base
    }

    /// Messages that are not finished.
    pub(crate) fn unfinished(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.finished).count()
    }

    /// Messages from the first unfinished one on: what holds memory and bounds the queue.
    pub(crate) fn held(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the messages that are [held](Self::held).
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes
    }

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
