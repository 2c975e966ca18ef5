//! Batches for handlers that take several messages at a time.

use super::clock::Clock;
use super::letter::Letter;
use super::partition::Partition;
use super::strand::{StrandId, Task};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// When a batch is complete: at the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gathering {
    pub(crate) max_messages: usize,
    /// A message that is larger is a batch by itself.
    pub(crate) max_bytes: usize,
    /// How long its oldest message waits for others.
    pub(crate) max_wait: Duration,
}

/// How much a strand has gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    messages: usize,
    bytes: usize,
}

impl Gathered {
    pub(super) fn add(&mut self, task: &Task) {
        self.messages += task.indices().len();
        self.bytes += task.bytes();
    }
}

/// The strands whose messages wait for more to come.
pub(super) struct Gatherer {
    limits: Gathering,
    /// Until when each of them waits.
    waiting: BTreeSet<(Instant, StrandId)>,
}

impl Gatherer {
    pub(super) fn new(limits: Gathering) -> Self {
        Self {
            limits,
            waiting: BTreeSet::new(),
        }
    }

    /// Whether a strand that begins with `first` waits for more; its time runs from here on.
    pub(super) fn waits(
        &mut self,
        strand: StrandId,
        first: &Task,
        gathered: &Gathered,
        clock: &Clock,
    ) -> bool {
        let limits = &self.limits;
        let is_complete =
            gathered.messages >= limits.max_messages || gathered.bytes >= limits.max_bytes;
        // Nothing comes before what is there is handled.
        let is_cut_off = first.batch.partition().full.load(Ordering::Relaxed);
        let until = self.until(first).filter(|until| *until > clock.now());
        match until {
            Some(until) if !is_complete && !is_cut_off => {
                self.waiting.insert((until, strand));
                true
            }
            _ => false,
        }
    }

    /// A strand that begins with `first` does not wait any more.
    pub(super) fn forget(&mut self, strand: StrandId, first: Option<&Task>) {
        if let Some(until) = first.and_then(|first| self.until(first)) {
            self.waiting.remove(&(until, strand));
        }
    }

    pub(super) fn forget_all(&mut self, partition: &Partition) {
        self.waiting.retain(|(_, strand)| !strand.is_of(partition));
    }

    /// When the first of those that wait is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// Not before this time is a strand due whose messages come from now on.
    pub(super) fn horizon(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.limits.max_wait)
    }

    /// Takes out a strand that has waited long enough.
    pub(super) fn due(&mut self, now: Instant) -> Option<StrandId> {
        self.next().filter(|until| *until <= now)?;
        self.waiting.pop_first().map(|(_, strand)| strand)
    }

    /// Takes a batch off `tasks`, of which there is one at least.
    pub(super) fn take(&self, tasks: &mut VecDeque<Task>, gathered: &mut Gathered) -> Taken {
        let mut taken = Taken::default();
        let (mut messages, mut bytes) = (self.limits.max_messages, self.limits.max_bytes);
        while let Some(mut task) = tasks.pop_front() {
            let mut fits = fitting(&task, messages, bytes);
            if fits == 0 && taken.fresh.is_empty() {
                // Larger than a batch may be: it goes alone.
                fits = 1;
            }
            let first = task.split_off(fits);
            let is_whole = task.first().is_none();
            if !is_whole {
                tasks.push_front(task);
            }
            if fits > 0 {
                let (count, size) = (first.indices().len(), first.bytes());
                gathered.messages = gathered.messages.saturating_sub(count);
                gathered.bytes = gathered.bytes.saturating_sub(size);
                messages = messages.saturating_sub(count);
                bytes = bytes.saturating_sub(size);
                taken.fresh.push(first);
            }
            if !is_whole || messages == 0 || bytes == 0 {
                break;
            }
        }
        taken
    }

    fn until(&self, first: &Task) -> Option<Instant> {
        first.since?.checked_add(self.limits.max_wait)
    }
}

/// How many of the first messages of a task are within both bounds.
fn fitting(task: &Task, messages: usize, bytes: usize) -> usize {
    let (mut fits, mut too_many) = (0, task.indices().len().min(messages) + 1);
    if task.bytes_of(too_many - 1) <= bytes {
        return too_many - 1;
    }
    while fits + 1 < too_many {
        let middle = usize::midpoint(fits, too_many);
        if task.bytes_of(middle) <= bytes {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    fits
}

/// A batch that a lane has taken, or what is left of it after an attempt.
#[derive(Default)]
pub(crate) struct Taken {
    /// What no handler was given yet.
    pub(super) fresh: Vec<Task>,
    /// What has failed, in its order.
    pub(super) failed: Vec<Failed>,
    /// What is of a retry topic and was not due, when it was last looked at; after all others.
    pub(super) early: VecDeque<Task>,
    /// Not before this time is the handler given what has failed.
    pub(super) due: Option<Instant>,
}

/// A message that has failed and is not given up, or whose letter is not acknowledged.
pub(super) struct Failed {
    /// It and no other.
    pub(super) task: Task,
    pub(super) failures: u32,
    /// It failed with others as often as it may: what becomes of it shows when it is alone.
    pub(super) alone: bool,
    pub(super) letter: Option<Box<Letter>>,
    /// Not before this time is the letter posted again.
    pub(super) again: Option<Instant>,
}

impl Taken {
    /// Messages that are in hand and not settled: what is not due is not.
    pub(super) fn len(&self) -> usize {
        let tasks = self.fresh.iter();
        tasks.map(|task| task.indices().len()).sum::<usize>() + self.failed.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.failed.is_empty() && self.early.is_empty()
    }

    /// What is fresh is looked at anew: it may not be due.
    pub(super) fn put_aside(&mut self) {
        for task in self.fresh.drain(..).rev() {
            self.early.push_front(task);
        }
    }

    /// How many letters are on their way.
    pub(super) fn posted(&self) -> usize {
        let is_posted = |failed: &&Failed| {
            let letter = failed.letter.as_ref();
            letter.is_some_and(|letter| letter.is_on_its_way())
        };
        self.failed.iter().filter(is_posted).count()
    }

    /// How many of the first that have failed are handed to the handler together.
    pub(super) fn run(&self) -> usize {
        let together = self.failed.iter().take_while(|failed| !failed.alone);
        // One that is to be alone, where it is the first.
        together.count().max(1).min(self.failed.len())
    }
}
