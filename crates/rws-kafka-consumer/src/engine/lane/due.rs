//! Messages of retry topics that are not due yet, or that belong to another group.

use super::super::progress::Taken;
use super::shift::Shift;
use crate::engine::commits::transactions::Put;
use crate::partition::{Batch, Task};
use crate::retry;
use rws_kafka_observe::non_zero;
use rws_kafka_observe::text::printable;
use std::time::{Duration, Instant};

impl Shift<'_> {
    /// The time at which a fresh message is checked again; `None` if it is due.
    ///
    /// A message waits for at most its topic's delay, even if the clock of its writer is wrong. The delay
    /// counts from the fetch, so the messages behind it wait at the same time.
    pub(super) fn due(&self, task: &Task, index: u32) -> Option<Instant> {
        let rung = self.rung.filter(|rung| rung.is_retry())?;
        let clock = &self.engine.clock;
        let now_ms = clock.unix_ms();
        let due_ms = retry::due_ms(task.batch.headers(index))?;
        let left = u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0);
        let end = task.batch.fetched() + rung.delay;
        let left = Duration::from_millis(left).min(end.saturating_duration_since(clock.now()));
        if left.is_zero() {
            return None;
        }
        Some(self.wait(left))
    }

    /// Makes the due messages of a batch available. Returns the time of the next check if none is due.
    ///
    /// Messages that are due soon after the first are waited for, as a batch waits for further messages.
    pub(super) fn part_due(&self, taken: &mut Taken) -> Option<Instant> {
        if !taken.fresh.is_empty() || !taken.failed.is_empty() {
            return None;
        }
        let rung = self.rung.filter(|rung| rung.is_retry())?;
        let clock = &self.engine.clock;
        let (now, now_ms) = (clock.now(), clock.unix_ms());
        let due_ms = |task: &Task, index| {
            let due_ms = retry::due_ms(task.batch.headers(index));
            due_ms.unwrap_or(i64::MIN)
        };
        let first = taken.early.front()?;
        let first_ms = due_ms(first, first.first()?);
        let end = |task: &Task| task.batch.fetched() + rung.delay;
        let first_end = end(first);
        let last = taken.early.back().and_then(|task| {
            let last = task.indices().last()?;
            Some(due_ms(task, last))
        });
        let company = self.engine.settings.gathering.map(|it| it.max_wait);
        let company_ms = company.map_or(0, |wait| wait.as_millis() as i64);
        let wanted_ms = first_ms
            .saturating_add(company_ms)
            .min(last.unwrap_or(first_ms).max(first_ms));
        let left = u64::try_from(wanted_ms.saturating_sub(now_ms)).unwrap_or(0);
        let left = Duration::from_millis(left).min(first_end.saturating_duration_since(now));
        if !left.is_zero() {
            return Some(self.wait(left));
        }
        // The first message is due or has waited for the topic's delay, and so may those fetched with it.
        while let Some(mut task) = taken.early.pop_front() {
            let is_over = end(&task) <= now;
            let is_due = |index: &u32| is_over || due_ms(&task, *index) <= now_ms;
            let are_due = task.indices().take_while(is_due);
            let count = are_due.count();
            taken.fresh.push(task.split_off(count));
            if task.first().is_some() {
                taken.early.push_front(task);
                break;
            }
        }
        self.engine.scheduler.holds(self.strand, taken.len());
        None
    }

    /// Makes the partition wait, and returns until when.
    fn wait(&self, left: Duration) -> Instant {
        let due = self.engine.clock.after(left);
        self.partition.wait_until(due);
        due
    }

    /// Returns `true` if another group delayed the message to this topic.
    pub(super) fn is_foreign(&self, batch: &Batch, index: u32) -> bool {
        let group = || retry::group(batch.headers(index));
        self.is_retry() && group().is_some_and(|group| group != self.engine.group().as_bytes())
    }

    /// Skips a message of another group.
    pub(super) fn pass_over(&mut self, task: &Task, index: u32) -> Put {
        // Outputs of an earlier handler do not belong to this message.
        self.outputs.clear();
        let put = self.end(task, index);
        if matches!(put, Put::Done) {
            self.tell_skipped();
            self.log_foreign(&task.batch, index);
        }
        put
    }

    /// Skips all messages of a batch that belong to other groups.
    pub(super) fn pass_over_foreign(&mut self, taken: &mut Taken) {
        if !self.is_retry() || !self.partition.is_active() {
            return;
        }
        for mut task in std::mem::take(&mut taken.fresh) {
            while let Some(first) = task.first() {
                let is_foreign = self.is_foreign(&task.batch, first);
                let like_it = |index: &u32| self.is_foreign(&task.batch, *index) == is_foreign;
                let count = task.indices().take_while(like_it).count();
                let run = task.split_off(count);
                if !is_foreign {
                    taken.fresh.push(run);
                    continue;
                }
                for index in run.indices() {
                    // If the partition is lost, the message is not finished here.
                    self.pass_over(&run, index);
                }
            }
        }
    }

    fn log_foreign(&self, batch: &Batch, index: u32) {
        let Some(held_back) = self.engine.foreign_retries.admit() else {
            return;
        };
        let theirs = retry::group(batch.headers(index)).unwrap_or_default();
        tracing::warn!(
            target: "rws_kafka",
            group = self.engine.group(),
            partition = %self.partition.name,
            offset = batch.offset(index),
            held_back = non_zero(held_back),
            "a message in a retry topic is skipped: the group {:?} moved it there, but must have \
             its own retry topics; see retry_topic_names",
            printable(&String::from_utf8_lossy(theirs))
        );
    }

    /// The number of attempts before the message was read here.
    pub(super) fn attempts_before(&self, batch: &Batch, index: u32) -> u32 {
        match self.rung {
            Some(rung) if rung.is_retry() => self.origin(batch, index).attempts,
            _ => 0,
        }
    }
}
