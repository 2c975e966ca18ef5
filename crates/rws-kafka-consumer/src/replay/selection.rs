use super::choices::ReplayPartition;
use super::letter::{DeadLetter, time};
use super::targets::{Targets, is_possible};
use rws_kafka_producer::ProducerError;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::SystemTime;

/// The cause for which a dead letter is left in the queue.
///
/// The dead letter stays there until the queue's retention deletes it. A replay with another
/// [`group`](crate::Replay::group) reads it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftReason {
    /// The dead letter does not match the conditions of the replay.
    NotSelected,
    /// The replay selects by time of failure, and the dead letter's headers do not contain one.
    NoFailureTime,
    /// The message was already replayed the maximum number of times.
    ReplayedTooOften,
    /// The header `rws-replay-count` is not a valid number.
    BadReplayCount,
    /// No header contains the topic that the message came from.
    NoOriginalTopic,
    /// The original topic has an invalid name, is internal (`__…`), or is the queue itself.
    BadOriginalTopic,
    /// The replay writes to original partitions, and no header contains a valid one.
    NoOriginalPartition,
    /// The original topic is neither the one that the queue is named after nor
    /// [allowed](crate::Replay::allow_targets).
    TargetNotAllowed,
    /// The topic, or the partition in it, does not exist.
    UnknownTopic,
    /// The user of the replay may not write to the topic.
    NotAuthorized,
    /// The topic does not accept messages of this size.
    TooLarge,
    /// The topic permanently refused the message for another cause, such as its timestamp, or a missing key
    /// if the topic is compacted. The log shows the cause.
    Refused,
}

impl LeftReason {
    /// The cause for which a refused dead letter is left; `None` if another attempt may succeed, or if the
    /// producer has failed.
    pub(super) fn of_refusal(error: &ProducerError) -> Option<Self> {
        match error {
            ProducerError::UnknownTopic { .. } | ProducerError::UnknownPartition { .. } => {
                Some(Self::UnknownTopic)
            }
            ProducerError::NotAuthorized { .. } => Some(Self::NotAuthorized),
            ProducerError::MessageTooLarge { .. } => Some(Self::TooLarge),
            error if error.is_retriable() || error.is_fatal() => None,
            _ => Some(Self::Refused),
        }
    }
}

impl fmt::Display for LeftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSelected => "not selected",
            Self::NoFailureTime => "no time of failure in its headers",
            Self::ReplayedTooOften => "replayed too often",
            Self::BadReplayCount => "its rws-replay-count is not a valid number",
            Self::NoOriginalTopic => "no original topic in its headers",
            Self::BadOriginalTopic => "its original topic cannot be written to",
            Self::NoOriginalPartition => "no original partition in its headers",
            Self::TargetNotAllowed => "its original topic is not one that the replay may write to",
            Self::UnknownTopic => "its original topic or partition does not exist",
            Self::NotAuthorized => "not authorised to write to its original topic",
            Self::TooLarge => "too large for its original topic",
            Self::Refused => "refused by its original topic",
        })
    }
}

pub(super) type Predicate = dyn Fn(&DeadLetter) -> bool + Send + Sync;
pub(super) type Times = (Bound<SystemTime>, Bound<SystemTime>);

/// The conditions of a replay. A dead letter must match all of them.
#[derive(Clone, Default)]
pub(super) struct Selection {
    /// The selected offsets by partition, with an exclusive end; empty to select all.
    pub(super) offsets: BTreeMap<i32, (i64, i64)>,
    pub(super) failed: Option<Times>,
    pub(super) sent: Option<Times>,
    pub(super) predicate: Option<Arc<Predicate>>,
}

/// Further conditions for a dead letter.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) targets: Targets,
    pub(super) max_replays: u32,
    pub(super) partition: ReplayPartition,
}

impl Selection {
    /// The cause for which `letter` is left; `None` if it is to be replayed.
    pub(super) fn leaves(&self, letter: &DeadLetter, limits: &Limits) -> Option<LeftReason> {
        if let Some(times) = &self.failed {
            match letter.failed_at_ms() {
                None => return Some(LeftReason::NoFailureTime),
                Some(ms) if !times.contains(&time(ms)) => return Some(LeftReason::NotSelected),
                Some(_) => {}
            }
        }
        if let Some(times) = &self.sent {
            let ms = letter.original_timestamp_ms();
            if !ms.is_some_and(|ms| times.contains(&time(ms))) {
                return Some(LeftReason::NotSelected);
            }
        }
        if let Some(predicate) = &self.predicate
            && !predicate(letter)
        {
            return Some(LeftReason::NotSelected);
        }
        match letter.replays() {
            None => return Some(LeftReason::BadReplayCount),
            Some(count) if count >= limits.max_replays => {
                return Some(LeftReason::ReplayedTooOften);
            }
            Some(_) => {}
        }
        let Some(topic) = letter.original_topic() else {
            return Some(LeftReason::NoOriginalTopic);
        };
        if !is_possible(topic, letter.partition().topic()) {
            return Some(LeftReason::BadOriginalTopic);
        }
        if !limits.targets.contain(topic) {
            return Some(LeftReason::TargetNotAllowed);
        }
        let needs_partition = limits.partition == ReplayPartition::Original;
        let partition = letter.original_partition();
        if needs_partition && partition.is_none_or(|number| number < 0) {
            return Some(LeftReason::NoOriginalPartition);
        }
        None
    }
}

/// Converts `range` to its first offset and the offset after its last.
pub(super) fn offsets(range: &impl RangeBounds<i64>) -> (i64, i64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => i64::MAX,
    };
    (start, end)
}

/// Returns `true` if `times` contains no time.
pub(super) fn is_empty((start, end): &Times) -> bool {
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start >= end,
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("offsets", &self.offsets)
            .field("failed", &self.failed)
            .field("sent", &self.sent)
            .field("predicate", &self.predicate.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::REPLAY_COUNT;
    use super::super::letter::tests::{headers_of, letter};
    use super::*;
    use crate::failure::dead_letter::DeadLetterHeaders;

    fn limits(partition: ReplayPartition) -> Limits {
        Limits {
            targets: Targets::of("orders.dlq"),
            max_replays: 3,
            partition,
        }
    }

    fn left(topic: &str, count: &str) -> Option<LeftReason> {
        let mut headers = headers_of(DeadLetterHeaders::Text, topic);
        headers.push((REPLAY_COUNT.to_owned(), Some(count.into())));
        let limits = limits(ReplayPartition::ByKey);
        Selection::default().leaves(&letter(headers), &limits)
    }

    #[test]
    fn what_cannot_be_brought_back_or_was_too_often_is_left() {
        assert_eq!(left("orders", "2"), None);
        for (topic, count, reason) in [
            ("orders", "3", LeftReason::ReplayedTooOften),
            ("orders", "-1", LeftReason::BadReplayCount),
            ("or ders", "0", LeftReason::BadOriginalTopic),
            ("orders.dlq", "0", LeftReason::BadOriginalTopic),
            ("__consumer_offsets", "0", LeftReason::BadOriginalTopic),
            ("payments", "0", LeftReason::TargetNotAllowed),
        ] {
            assert_eq!(left(topic, count), Some(reason), "{topic} {count}");
        }
        let limits = limits(ReplayPartition::ByKey);
        let none = Selection::default().leaves(&letter(Vec::new()), &limits);
        assert_eq!(none, Some(LeftReason::NoOriginalTopic));
    }

    #[test]
    fn its_own_partition_must_be_told_where_it_is_asked_for() {
        let headers = vec![(
            "rws-dlq-original-topic".to_owned(),
            Some(b"orders".to_vec()),
        )];
        let letter = letter(headers);
        let selection = Selection::default();
        let by_key = limits(ReplayPartition::ByKey);
        assert_eq!(selection.leaves(&letter, &by_key), None);
        let original = limits(ReplayPartition::Original);
        let reason = Some(LeftReason::NoOriginalPartition);
        assert_eq!(selection.leaves(&letter, &original), reason);
    }

    #[test]
    fn a_range_ends_after_its_last_offset() {
        assert_eq!(offsets(&(3..7)), (3, 7));
        assert_eq!(offsets(&(3..=7)), (3, 8));
        assert_eq!(offsets(&(..)), (0, i64::MAX));
        assert_eq!(offsets(&(..=i64::MAX)), (0, i64::MAX));
    }

    #[test]
    fn times_that_end_before_they_begin_are_empty() {
        let at = |ms| time(ms);
        for (start, end, expected) in [
            (Bound::Included(at(2)), Bound::Included(at(2)), false),
            (Bound::Included(at(2)), Bound::Included(at(1)), true),
            (Bound::Included(at(2)), Bound::Excluded(at(3)), false),
            (Bound::Included(at(2)), Bound::Excluded(at(2)), true),
            (Bound::Excluded(at(2)), Bound::Included(at(2)), true),
            (Bound::Included(at(2)), Bound::Unbounded, false),
            (Bound::Unbounded, Bound::Excluded(at(2)), false),
        ] {
            assert_eq!(is_empty(&(start, end)), expected, "{start:?} {end:?}");
        }
    }
}
