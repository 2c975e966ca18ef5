//! Histories of a partition.
//!
//! A topic that is deleted and created again has the same name and its offsets begin again. Where that
//! happens between two looks at the metadata, a group of the classic protocol sees neither, and
//! librdkafka, whose position the broker does not know, goes to where `auto.offset.reset` says. What
//! tells it is that offsets go back, or that the partition ends before what was read of it.

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
pub fn fingerprint(
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
pub enum Place {
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
pub struct Look {
    number: u64,
    furthest: Option<i64>,
}

impl History {
    /// Another one begins.
    pub(crate) fn begin(&mut self) {
        *self = Self {
            number: self.number + 1,
            began: Some(Instant::now()),
            ..Self::default()
        };
    }

    /// One that follows another, of which nothing is committed yet.
    pub(crate) fn of_another() -> Self {
        Self {
            number: 1,
            ..Self::default()
        }
    }

    /// librdkafka has read up to `position`; false where that may be of the history before.
    pub(crate) fn note_read(&mut self, position: i64) -> bool {
        let is_stale = self.began.is_some_and(|began| began.elapsed() < STALE_FOR);
        if !is_stale && position >= 0 {
            self.read_to = self.read_to.max(Some(position));
        }
        !is_stale
    }

    /// Whether it follows another one of the same assignment.
    pub(crate) fn is_another(&self) -> bool {
        self.number > 0
    }

    /// Where a message stands among those before `position`, the offset after the last one taken in.
    pub(crate) fn place(
        &mut self,
        position: Option<i64>,
        offset: i64,
        fingerprint: impl Fn() -> u64,
    ) -> Place {
        if position == Some(offset + 1) && self.last == Some((offset, fingerprint())) {
            return Place::Repeated;
        }
        if position.is_none_or(|position| position <= offset) {
            self.first.get_or_insert_with(|| (offset, fingerprint()));
            return Place::Next;
        }
        // Only a look for the partition's beginning that librdkafka takes up again leads back, and to
        // the first message. Others come from where a new history was begun.
        match self.first {
            Some(first) if first == (offset, fingerprint()) => Place::Again,
            _ => Place::NewHistory,
        }
    }

    /// The last message that is handed out.
    pub(crate) fn note_last(&mut self, offset: i64, fingerprint: u64) {
        self.last = Some((offset, fingerprint));
    }

    /// `furthest` is the highest offset after a message taken in.
    pub(crate) fn look(&self, furthest: Option<i64>) -> Look {
        Look {
            number: self.number,
            furthest: furthest.max(self.read_to),
        }
    }

    /// Whether another history has taken the place of the one that was looked at.
    pub(crate) fn is_outlived(&mut self, look: Look, end: i64) -> bool {
        if self.number != look.number {
            return false;
        }
        self.short = match look.furthest > Some(end) {
            true => self.short + 1,
            false => 0,
        };
        self.short >= LOOKS
    }

    /// Another history, which begins at `start`, has taken the place of the one that was looked at.
    pub(crate) fn outlive(&mut self, look: Look, start: i64) {
        if self.number == look.number {
            self.outlived_by = Some(start);
        }
    }

    pub(crate) fn outlived_by(&self) -> Option<i64> {
        self.outlived_by
    }

    pub(crate) fn note_cut_off(&mut self) {
        self.cut_off = Some(Instant::now());
    }

    pub(crate) fn was_cut_off(&self) -> bool {
        self.cut_off.is_some_and(|at| at.elapsed() < CUT_OFF_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
