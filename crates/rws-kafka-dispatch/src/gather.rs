//! Batches for handlers that take several messages at a time.

use crate::clock::Clock;
use crate::partition::Partition;
use crate::strand::{StrandId, Task};
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// The limits of a batch. A batch is complete when it reaches the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// The maximum number of messages.
    pub max_messages: usize,
    /// The maximum size in bytes. A larger message is a batch on its own.
    pub max_bytes: usize,
    /// How long the oldest message waits for others.
    pub max_wait: Duration,
}

/// How much a strand has collected.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered {
    messages: usize,
    bytes: usize,
}

impl Gathered {
    pub(crate) fn add<R>(&mut self, task: &Task<R>) {
        self.messages += task.indices().len();
        self.bytes += task.bytes();
    }
}

/// The strands whose messages wait for more.
pub(crate) struct Gatherer {
    limits: Gathering,
    /// The end of each strand's wait.
    waiting: BTreeSet<(Instant, StrandId)>,
}

impl Gatherer {
    pub(crate) fn new(limits: Gathering) -> Self {
        Self {
            limits,
            waiting: BTreeSet::new(),
        }
    }

    /// Returns `true` if a strand that begins with `first` waits for more messages. Its time starts with this
    /// call.
    pub(crate) fn waits<R>(
        &mut self,
        strand: StrandId,
        first: &Task<R>,
        gathered: &Gathered,
        clock: &Clock,
    ) -> bool {
        let limits = &self.limits;
        let is_complete =
            gathered.messages >= limits.max_messages || gathered.bytes >= limits.max_bytes;
        // No more messages are fetched before these are handled.
        let is_cut_off = first.batch.partition().is_full();
        let until = self.until(first).filter(|until| *until > clock.now());
        match until {
            Some(until) if !is_complete && !is_cut_off => {
                self.waiting.insert((until, strand));
                true
            }
            _ => false,
        }
    }

    /// Ends the wait of a strand that begins with `first`.
    pub(crate) fn forget<R>(&mut self, strand: StrandId, first: Option<&Task<R>>) {
        if let Some(until) = first.and_then(|first| self.until(first)) {
            self.waiting.remove(&(until, strand));
        }
    }

    pub(crate) fn forget_all<R>(&mut self, partition: &Partition<R>) {
        self.waiting.retain(|(_, strand)| !strand.is_of(partition));
    }

    /// Returns when the first waiting strand is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// Returns the earliest time at which a strand whose messages arrive after `now` can be due.
    pub(crate) fn horizon(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.limits.max_wait)
    }

    /// Removes and returns a strand that has waited long enough.
    pub(crate) fn due(&mut self, now: Instant) -> Option<StrandId> {
        self.next().filter(|until| *until <= now)?;
        self.waiting.pop_first().map(|(_, strand)| strand)
    }

    /// Takes the runs of a batch off `tasks`, which has at least one.
    pub(crate) fn take<R>(
        &self,
        tasks: &mut VecDeque<Task<R>>,
        gathered: &mut Gathered,
    ) -> Vec<Task<R>> {
        let mut taken = Vec::new();
        let (mut messages, mut bytes) = (self.limits.max_messages, self.limits.max_bytes);
        while let Some(mut task) = tasks.pop_front() {
            let mut fits = fitting(&task, messages, bytes);
            if fits == 0 && taken.is_empty() {
                // Larger than the limit, so it is a batch on its own.
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
                taken.push(first);
            }
            if !is_whole || messages == 0 || bytes == 0 {
                break;
            }
        }
        taken
    }

    fn until<R>(&self, first: &Task<R>) -> Option<Instant> {
        first.since?.checked_add(self.limits.max_wait)
    }
}

/// Returns how many of the first messages of a task are within both limits.
fn fitting<R>(task: &Task<R>, messages: usize, bytes: usize) -> usize {
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
