//! Checks a journal.

use integration_tests::jobs::stormer::Entry;
use std::time::Duration;

/// What happened to the messages of all partitions.
#[derive(Debug)]
pub(crate) struct Aftermath {
    /// Messages that were handled at least once.
    pub(crate) handled: usize,
    /// Deliveries beyond the first of each message.
    pub(crate) duplicates: usize,
    /// The longest time in which no message of some partition was handled.
    pub(crate) longest_silence: Silence,
    /// The first of each kind, in words.
    pub(crate) first_duplicate: Option<String>,
    pub(crate) first_disorder: Option<String>,
    pub(crate) first_loss: Option<String>,
}

/// Between two messages of one partition.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    pub(crate) time: Duration,
    /// The workers and messages before and after it.
    pub(crate) around: String,
}

impl Aftermath {
    /// Checks a journal; `ends` are the offsets of the partitions' next messages.
    pub(crate) fn of(entries: &[Entry], ends: &[i64]) -> Self {
        let mut aftermath = Self {
            handled: 0,
            duplicates: 0,
            longest_silence: Silence::default(),
            first_duplicate: None,
            first_disorder: None,
            first_loss: None,
        };
        let mut lost = 0;
        for (partition, end) in (0..).zip(ends) {
            let mut of_partition = entries.to_vec();
            of_partition.retain(|entry| entry.partition == partition);
            aftermath.take_silence(&of_partition);
            let firsts = aftermath.take_firsts(&of_partition);
            let missing = (0..*end).filter(|offset| firsts.get(*offset).is_none());
            lost += missing.clone().count();
            if let Some(offset) = missing.min()
                && aftermath.first_loss.is_none()
            {
                let before = told(firsts.get(offset - 1));
                aftermath.first_loss = Some(format!(
                    "partition {partition}: nobody handled offset {offset} of {end}; \
                     {before} handled the one before"
                ));
            }
        }
        if let Some(loss) = &mut aftermath.first_loss {
            *loss += &format!("; {lost} messages are lost in all");
        }
        aftermath
    }

    fn take_silence(&mut self, entries: &[Entry]) {
        for pair in entries.windows(2) {
            let [before, after] = [pair[0], pair[1]];
            // Clock readings of two workers may be out of order.
            let time = Duration::from_millis((after.at_ms - before.at_ms).max(0) as u64);
            if time > self.longest_silence.time {
                let around = format!(
                    "partition {}: offset {} by {before}, then offset {} by {after}",
                    before.partition, before.offset, after.offset
                );
                self.longest_silence = Silence { time, around };
            }
        }
    }

    /// Returns the first deliveries of one partition, and notes what is wrong with them.
    fn take_firsts(&mut self, entries: &[Entry]) -> Firsts {
        let mut firsts = Firsts(Vec::new());
        let mut next = 0;
        let mut early = None;
        for entry in entries {
            let (partition, offset) = (entry.partition, entry.offset);
            if let Some(first) = firsts.get(offset) {
                self.duplicates += 1;
                self.first_duplicate.get_or_insert_with(|| {
                    format!(
                        "partition {partition}: offset {offset} was handled by {first} \
                         and again by {entry}"
                    )
                });
                continue;
            }
            if offset != next && early.is_none() {
                early = Some((next, *entry));
            }
            next = offset + 1;
            firsts.set(*entry);
            self.handled += 1;
        }
        if let Some((expected, entry)) = early
            && self.first_disorder.is_none()
        {
            self.first_disorder = Some(format!(
                "partition {}: {entry} handled offset {} when {expected} was due; {} handled that",
                entry.partition,
                entry.offset,
                told(firsts.get(expected)),
            ));
        }
        firsts
    }
}

/// The first delivery of each offset.
struct Firsts(Vec<Option<Entry>>);

impl Firsts {
    fn get(&self, offset: i64) -> Option<Entry> {
        self.0.get(usize::try_from(offset).ok()?).copied()?
    }

    fn set(&mut self, entry: Entry) {
        let index = usize::try_from(entry.offset).expect("offsets begin at 0");
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = Some(entry);
    }
}

fn told(entry: Option<Entry>) -> String {
    entry.map_or_else(|| "nobody".to_owned(), |entry| entry.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partition, offset, worker.
    fn aftermath(deliveries: &[(i32, i64, usize)], ends: &[i64]) -> Aftermath {
        let entries: Vec<Entry> = (100..)
            .zip(deliveries)
            .map(|(at_ms, &(partition, offset, worker))| Entry {
                partition,
                offset,
                worker,
                at_ms,
            })
            .collect();
        Aftermath::of(&entries, ends)
    }

    #[test]
    fn all_in_order_is_all_right() {
        let all = aftermath(&[(0, 0, 1), (1, 0, 2), (0, 1, 2), (1, 1, 1)], &[2, 2]);
        assert_eq!((all.handled, all.duplicates), (4, 0));
        let found = [all.first_duplicate, all.first_disorder, all.first_loss];
        assert_eq!(found, [None, None, None]);
    }

    #[test]
    fn a_silence_is_of_one_partition() {
        let all = aftermath(&[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 2)], &[2, 2]);
        let silence = all.longest_silence;
        assert_eq!(silence.time, Duration::from_millis(3));
        assert_eq!(
            silence.around,
            "partition 0: offset 0 by worker 1 at 100 ms, then offset 1 by worker 2 at 103 ms"
        );
    }

    #[test]
    fn what_comes_again_is_a_duplicate_and_no_disorder() {
        let all = aftermath(
            &[(0, 0, 1), (0, 1, 1), (0, 0, 2), (0, 1, 2), (0, 2, 2)],
            &[3],
        );
        assert_eq!((all.handled, all.duplicates), (3, 2));
        assert_eq!(
            all.first_duplicate.as_deref(),
            Some(
                "partition 0: offset 0 was handled by worker 1 at 100 ms and again by worker 2 at 102 ms"
            )
        );
        assert_eq!((all.first_disorder, all.first_loss), (None, None));
    }

    #[test]
    fn what_comes_first_before_its_predecessor_is_disorder() {
        let all = aftermath(&[(0, 1, 1), (0, 0, 2), (0, 2, 1)], &[3]);
        assert_eq!(
            all.first_disorder.as_deref(),
            Some(
                "partition 0: worker 1 at 100 ms handled offset 1 when 0 was due; worker 2 at 101 ms handled that"
            )
        );
        assert_eq!((all.duplicates, all.first_loss), (0, None));
    }

    #[test]
    fn what_nobody_handles_is_lost() {
        let all = aftermath(&[(1, 0, 1), (1, 2, 1)], &[0, 5]);
        assert_eq!(
            all.first_loss.as_deref(),
            Some(
                "partition 1: nobody handled offset 1 of 5; worker 1 at 100 ms handled the one \
                 before; 3 messages are lost in all"
            )
        );
        assert_eq!(
            all.first_disorder.as_deref(),
            Some(
                "partition 1: worker 1 at 101 ms handled offset 2 when 1 was due; nobody handled that"
            )
        );
    }
}
