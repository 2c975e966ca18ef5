//! Histories of a partition.
//!
//! A topic that is deleted and created again has the same name and its offsets begin again. Where that
//! happens between two looks at the metadata, a group of the classic protocol sees neither, and
//! librdkafka, whose position the broker does not know, goes to where `auto.offset.reset` says. What
//! tells it is that offsets go back, or that the partition ends before what was read of it.

use super::partition::Partition;
use crate::lock::lock;
use crate::timestamp::Timestamp;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// For this long librdkafka's statistics may tell of the history before.
const STALE_FOR: Duration = Duration::from_secs(10);
/// For this long what follows is taken for the end that was cut off.
const CUT_OFF_FOR: Duration = Duration::from_secs(60);
/// So many looks in a row find the partition too short before it is taken for another one: a broker that
/// has just become the leader may not know its end.
const LOOKS: u32 = 2;

/// What is known of a partition's present history.
#[derive(Debug, Default)]
pub(crate) struct History {
    number: u64,
    began: Option<Instant>,
    /// The offset of the first message read, and what it looked like.
    first: Option<(i64, u64)>,
    /// The same of the last message read.
    last: Option<(i64, u64)>,
    /// How far librdkafka has read, whether or not messages came of it.
    read_to: Option<i64>,
    /// Looks in a row that found the partition to end before what was read.
    short: u32,
    /// The start of another history that has taken the place of this one.
    outlived_by: Option<i64>,
    /// When librdkafka found the end of the log cut off.
    cut_off: Option<Instant>,
}

/// Bytes at each end of a payload that make its [`fingerprint`].
const ENDS: usize = 256;

/// What tells a message from another one with the same offset in another history of its partition.
pub(crate) fn fingerprint(
    timestamp: Option<Timestamp>,
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
) -> u64 {
    let mut hasher = FxHasher::default();
    timestamp.map(Timestamp::ms).hash(&mut hasher);
    for field in [key, payload] {
        field.map(<[u8]>::len).hash(&mut hasher);
        let bytes = field.unwrap_or_default();
        let end = bytes.len().saturating_sub(ENDS);
        bytes[..bytes.len().min(ENDS)].hash(&mut hasher);
        bytes[end..].hash(&mut hasher);
    }
    hasher.finish()
}

/// Where a message stands among those that were read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// After them.
    Next,
    /// It is the first of them: librdkafka reads them again.
    Again,
    /// It is the last of them once more: librdkafka pauses all partitions for a rebalance, and one whose
    /// last message is just being taken goes on with that message.
    Repeated,
    /// Among other messages.
    NewHistory,
}

/// What was read of a partition before its end was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    number: u64,
    furthest: Option<i64>,
}

impl History {
    /// Another one begins.
    pub(super) fn begin(&mut self) {
        *self = Self {
            number: self.number + 1,
            began: Some(Instant::now()),
            ..Self::default()
        };
    }

    /// One that follows another, of which nothing is committed yet.
    pub(super) fn of_another() -> Self {
        Self {
            number: 1,
            ..Self::default()
        }
    }

    /// librdkafka has read up to `position`; false where that may be of the history before.
    pub(super) fn note_read(&mut self, position: i64) -> bool {
        let is_stale = self.began.is_some_and(|began| began.elapsed() < STALE_FOR);
        if !is_stale && position >= 0 {
            self.read_to = self.read_to.max(Some(position));
        }
        !is_stale
    }
}

impl Partition {
    /// Where a message stands; for the poll thread, with everything before it handed out.
    pub(super) fn place(&self, offset: i64, fingerprint: impl Fn() -> u64) -> Place {
        let position = self.tracker().position();
        let mut history = lock(&self.history);
        if position == Some(offset + 1) && history.last == Some((offset, fingerprint())) {
            return Place::Repeated;
        }
        if position.is_none_or(|position| position <= offset) {
            history.first.get_or_insert_with(|| (offset, fingerprint()));
            return Place::Next;
        }
        // Only a look for the partition's beginning that librdkafka takes up again leads back, and to
        // the first message. Others come from where a new history was begun.
        match history.first {
            Some(first) if first == (offset, fingerprint()) => Place::Again,
            _ => Place::NewHistory,
        }
    }

    /// Returns `true` if the group's committed offset is of a history before this one.
    pub(crate) fn is_uncommitted_history(&self) -> bool {
        // A lock at a time.
        let is_another = lock(&self.history).number > 0;
        is_another && self.tracker().committed().is_none()
    }

    /// The last message that is handed out; for the poll thread.
    pub(super) fn note_last(&self, offset: i64, fingerprint: u64) {
        lock(&self.history).last = Some((offset, fingerprint));
    }

    /// For a comparison with the partition's end.
    pub(super) fn look(&self) -> Look {
        let furthest = self.tracker().furthest();
        let history = lock(&self.history);
        Look {
            number: history.number,
            furthest: furthest.max(history.read_to),
        }
    }

    /// Whether another history has taken the place of the one that was looked at, as the partition ends
    /// at `end`, at several looks in a row.
    pub(super) fn is_outlived(&self, look: Look, end: i64) -> bool {
        let mut history = lock(&self.history);
        if history.number != look.number {
            return false;
        }
        history.short = match look.furthest > Some(end) {
            true => history.short + 1,
            false => 0,
        };
        history.short >= LOOKS
    }

    /// Another history, which begins at `start`, has taken the place of the one that was looked at.
    pub(super) fn outlive(&self, look: Look, start: i64) {
        let mut history = lock(&self.history);
        if history.number == look.number {
            history.outlived_by = Some(start);
        }
    }

    /// Where the history begins that has taken the place of the present one.
    pub(super) fn outlived_by(&self) -> Option<i64> {
        lock(&self.history).outlived_by
    }

    /// librdkafka has found the end of the log cut off, as after the election of a leader that missed it.
    pub(super) fn note_cut_off(&self) {
        lock(&self.history).cut_off = Some(Instant::now());
    }

    /// Whether that was a moment ago.
    pub(super) fn was_cut_off(&self) -> bool {
        let at = lock(&self.history).cut_off;
        at.is_some_and(|at| at.elapsed() < CUT_OFF_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tracker::Start;
    use crate::topic_partition::TopicPartition;
    use rws_kafka_observe::Observer;

    fn partition() -> Partition {
        let name = TopicPartition::new("topic", 0);
        Partition::new(1, name, "group", &Observer::new())
    }

    /// As the poll thread takes messages in: offset and fingerprint of each.
    fn read(partition: &Partition, messages: &[(i64, u64)]) -> Vec<Place> {
        let places = messages.iter().map(|(offset, fingerprint)| {
            let place = partition.place(*offset, || *fingerprint);
            if place == Place::NewHistory {
                partition.begin_history(Start::Unknown);
                partition.place(*offset, || *fingerprint);
            }
            if place != Place::Repeated {
                partition.tracker().push(*offset, 1);
                partition.note_last(*offset, *fingerprint);
            }
            place
        });
        places.collect()
    }

    #[test]
    fn the_same_messages_read_again_are_no_new_history() {
        use Place::{Again, Next};
        let partition = partition();
        let messages = [(3, 30), (4, 40), (3, 30), (4, 40), (5, 50)];
        let expected = [Next, Next, Again, Next, Next];
        assert_eq!(read(&partition, &messages), expected);
    }

    #[test]
    fn the_last_message_that_comes_once_more_is_no_new_history_and_another_one_is() {
        use Place::{NewHistory, Next, Repeated};
        for first in [3, 5] {
            let partition = partition();
            let messages = [(first, 30), (5, 50), (5, 50), (6, 60), (6, 61)];
            let messages = &messages[usize::from(first == 5)..];
            let expected = [Next, Next, Repeated, Next, NewHistory];
            let expected = &expected[usize::from(first == 5)..];
            assert_eq!(read(&partition, messages), expected);
        }
    }

    #[test]
    fn messages_are_told_apart_by_time_key_length_and_both_ends() {
        let at = |ms| Some(Timestamp::Create(ms));
        let payload = vec![7; 10 * ENDS];
        let same = fingerprint(at(1), Some(b"k"), Some(&payload));
        assert_eq!(fingerprint(at(1), Some(b"k"), Some(&payload)), same);
        let (mut begins, mut ends) = (payload.clone(), payload.clone());
        (begins[0], ends[10 * ENDS - 1]) = (8, 8);
        for other in [
            fingerprint(at(2), Some(b"k"), Some(&payload)),
            fingerprint(at(1), Some(b""), Some(&payload)),
            fingerprint(at(1), None, Some(&payload)),
            fingerprint(at(1), Some(b"k"), Some(&payload[1..])),
            fingerprint(at(1), Some(b"k"), Some(&begins)),
            fingerprint(at(1), Some(b"k"), Some(&ends)),
            fingerprint(at(1), Some(b"k"), None),
        ] {
            assert_ne!(other, same);
        }
    }

    #[test]
    fn other_messages_at_lower_offsets_are() {
        use Place::{NewHistory, Next};
        // The same first offset; one before it; one between those read.
        for (offset, fingerprint) in [(3, 31), (0, 30), (4, 40)] {
            let partition = partition();
            let messages = [(3, 30), (4, 40), (5, 50), (offset, fingerprint), (6, 60)];
            let expected = [Next, Next, Next, NewHistory, Next];
            assert_eq!(read(&partition, &messages), expected);
            assert_eq!(partition.tracker().first(), Some(offset));
        }
    }

    #[test]
    fn a_partition_that_ends_before_what_was_read_is_another_one_at_the_second_look() {
        let partition = partition();
        read(&partition, &[(0, 0), (9, 90)]);
        let looks = |end| partition.is_outlived(partition.look(), end);
        assert!(!looks(10) && !looks(4) && !looks(10) && !looks(4));
        assert!(looks(4));
        // What was looked at before another one began says nothing.
        let look = partition.look();
        partition.outlive(look, 0);
        assert_eq!(partition.outlived_by(), Some(0));
        partition.begin_history(Start::Known(0));
        assert!(!partition.is_outlived(look, 4));
        partition.outlive(look, 0);
        assert_eq!(partition.outlived_by(), None);
    }

    #[test]
    fn what_was_read_without_a_message_counts_and_old_statistics_do_not() {
        let partition = partition();
        partition.note_read(10);
        let looks = |end| partition.is_outlived(partition.look(), end);
        assert!(!looks(4) && looks(4));
        partition.begin_history(Start::Known(0));
        partition.note_read(10);
        assert!(!looks(4) && !looks(4));
    }
}
