use super::letter::DeadLetter;
use super::selection::LeftReason;
use rws_kafka_observe::text::printable;
use std::collections::BTreeMap;

/// The result of a [dry run](crate::Replay::dry_run): what a replay would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayPreview {
    /// The number of dead letters that would be replayed.
    pub replayed: u64,
    /// The number of these dead letters by original topic.
    pub by_topic: BTreeMap<String, u64>,
    /// The number of these dead letters by reason. Reasons have at most 1 KiB, with control characters
    /// escaped. The first 1,000 different reasons are counted separately, all others under `(other)`.
    pub by_reason: BTreeMap<String, u64>,
    /// The number of these dead letters by the group that dead-lettered them, limited as `by_reason` is.
    pub by_group: BTreeMap<String, u64>,
    /// The number of dead letters that would be left, by cause.
    pub left: BTreeMap<LeftReason, u64>,
    /// The number of dead letters that would be left as [`TargetNotAllowed`](LeftReason::TargetNotAllowed),
    /// by the original topic in their headers, limited as `by_reason` is.
    pub not_allowed: BTreeMap<String, u64>,
    /// The number of selected offsets that the replay's group has already passed.
    pub already_passed: u64,
    /// The number of dead letters that an interrupted run may already have written.
    pub possibly_twice: u64,
}

const MAX_NAMES: usize = 1_000;
const OTHER: &str = "(other)";
const NONE: &str = "(none)";

impl ReplayPreview {
    pub(super) fn add(&mut self, letter: &DeadLetter) {
        self.replayed += 1;
        count(&mut self.by_topic, letter.original_topic());
        count(&mut self.by_reason, letter.reason());
        count(&mut self.by_group, letter.group());
    }

    pub(super) fn leave(&mut self, letter: &DeadLetter, reason: LeftReason) {
        *self.left.entry(reason).or_default() += 1;
        if reason == LeftReason::TargetNotAllowed {
            count(&mut self.not_allowed, letter.original_topic());
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: Option<&str>) {
    let name = printable(name.unwrap_or(NONE));
    let is_new = !counts.contains_key(&*name);
    let name = if is_new && counts.len() >= MAX_NAMES {
        OTHER.into()
    } else {
        name
    };
    *counts.entry(name.into_owned()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_up_to_a_thousand_of_them() {
        let mut counts = BTreeMap::new();
        for number in 0..1_500 {
            count(&mut counts, Some(&number.to_string()));
        }
        count(&mut counts, Some("7"));
        assert_eq!(counts.len(), MAX_NAMES + 1);
        assert_eq!(counts[OTHER], 500);
        assert_eq!(counts["7"], 2);
    }

    #[test]
    fn a_name_is_one_bounded_line() {
        let mut counts = BTreeMap::new();
        count(&mut counts, Some(&"\u{1b}[2Jforged\n".repeat(1_000)));
        let name = counts.keys().next().unwrap();
        assert!(name.len() <= 1024, "{}", name.len());
        assert!(name.starts_with(r"\u{1b}[2Jforged\n"), "{name}");
    }
}
