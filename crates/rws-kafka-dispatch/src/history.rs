//! The histories of a partition.
//!
//! A topic that is deleted and created again has the same name, and its offsets start again. If this happens
//! between two requests for metadata, a group with the classic protocol notices neither, and librdkafka,
//! whose position the broker does not know, continues where `auto.offset.reset` says. Two signs reveal it:
//! offsets decrease, or the partition ends before the position that was read.

use crate::timestamp::Timestamp;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// How long librdkafka's statistics may still describe the previous history.
const STALE_FOR: Duration = Duration::from_secs(10);
/// How long lower offsets are explained by a truncated log.
const CUT_OFF_FOR: Duration = Duration::from_secs(60);
/// How many checks in a row must find the partition too short before it counts as a new history: a broker
/// that has just become the leader may not know its end.
const LOOKS: u32 = 2;

/// The state of a partition's current history.
#[derive(Debug, Default)]
pub(crate) struct History {
    number: u64,
    began: Option<Instant>,
    /// The offset and the fingerprint of the first message read.
    first: Option<(i64, u64)>,
    /// The offset and the fingerprint of the last message read.
    last: Option<(i64, u64)>,
    /// The position up to which librdkafka has read, even where it returned no messages.
    read_to: Option<i64>,
    /// How many checks in a row found that the partition ends before the position that was read.
    short: u32,
    /// The start of a newer history that has replaced this one.
    outlived_by: Option<i64>,
    /// When librdkafka found that the log was truncated.
    cut_off: Option<Instant>,
}

/// The number of bytes at each end of a payload that the [`fingerprint`] covers.
const ENDS: usize = 256;

/// Returns a hash that distinguishes a message from one with the same offset in another history of its
/// partition.
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

/// The position of a message relative to those read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// After them.
    Next,
    /// It is the first of them: librdkafka reads them again.
    Again,
    /// It is the last of them again. librdkafka pauses all partitions for a rebalance, and may then repeat a
    /// message that is being fetched at that moment.
    Repeated,
    /// It belongs to a new history.
    NewHistory,
}

/// The position in a partition at the time when its end was requested.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    number: u64,
    furthest: Option<i64>,
}

impl History {
    /// Begins another history.
    pub(crate) fn begin(&mut self) {
        *self = Self {
            number: self.number + 1,
            began: Some(Instant::now()),
            ..Self::default()
        };
    }

    /// Creates a history that follows another one and of which nothing is committed yet.
    pub(crate) fn of_another() -> Self {
        Self {
            number: 1,
            ..Self::default()
        }
    }

    /// Notes that librdkafka has read up to `position`. Returns `false` if that may be from the previous
    /// history.
    pub(crate) fn note_read(&mut self, position: i64) -> bool {
        let is_stale = self.began.is_some_and(|began| began.elapsed() < STALE_FOR);
        if !is_stale && position >= 0 {
            self.read_to = self.read_to.max(Some(position));
        }
        !is_stale
    }

    /// Returns `true` if it follows another history of the same assignment.
    pub(crate) fn is_another(&self) -> bool {
        self.number > 0
    }

    /// Returns the position of a message relative to those before `position`, the offset after the last
    /// message taken in.
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
        // librdkafka goes back only when it repeats its lookup of the partition's beginning, and then to the
        // first message. A different message is from a new history.
        match self.first {
            Some(first) if first == (offset, fingerprint()) => Place::Again,
            _ => Place::NewHistory,
        }
    }

    /// Notes the last message that is handed out.
    pub(crate) fn note_last(&mut self, offset: i64, fingerprint: u64) {
        self.last = Some((offset, fingerprint));
    }

    /// Returns the position for a check. `furthest` is the highest offset after a message taken in.
    pub(crate) fn look(&self, furthest: Option<i64>) -> Look {
        Look {
            number: self.number,
            furthest: furthest.max(self.read_to),
        }
    }

    /// Returns `true` if a newer history has replaced the one that was checked.
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

    /// Notes that a newer history, which begins at `start`, has replaced the one that was checked.
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
