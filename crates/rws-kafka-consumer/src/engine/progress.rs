//! The progress of a lane with a message or a batch.

use super::letters::letter::Letter;
use crate::partition::{Recorders, Task};
use rws_kafka_dispatch as dispatch;
use std::collections::VecDeque;
use std::time::Instant;

pub(crate) type Scheduler = dispatch::Scheduler<Progress>;
pub(crate) type Work = dispatch::Work<Progress>;

/// The unfinished part of a strand's work: a message that has failed, or a batch.
#[derive(Default)]
pub(crate) struct Progress {
    taken: Option<Box<Taken>>,
}

impl Progress {
    pub(crate) fn taken(&mut self) -> Option<&mut Taken> {
        self.taken.as_deref_mut()
    }

    /// Takes out the first failed message.
    pub(crate) fn take_failed(&mut self) -> Option<Failed> {
        let failed = &mut self.taken()?.failed;
        (!failed.is_empty()).then(|| failed.remove(0))
    }

    /// Puts a failed message back, before all others.
    pub(crate) fn put_back(&mut self, failed: Failed) {
        self.taken.get_or_insert_default().failed.insert(0, failed);
    }

    /// Returns `true` if nothing is left of it and of `task`.
    pub(crate) fn is_over(&self, task: &Task) -> bool {
        task.first().is_none() && self.taken.as_ref().is_none_or(|taken| taken.is_empty())
    }
}

impl dispatch::Progress for Progress {
    type Recorders = Recorders;

    fn gathered(runs: Vec<Task>) -> Self {
        let taken = Taken {
            fresh: runs,
            ..Taken::default()
        };
        Self {
            taken: Some(Box::new(taken)),
        }
    }

    fn is_begun(&self) -> bool {
        self.taken.is_some()
    }

    fn messages(&self) -> usize {
        // A lane that checks what is due may continue with it, so a drain must wait for at least one message.
        self.taken.as_ref().map_or(1, |taken| taken.len().max(1))
    }

    fn posted(&self) -> usize {
        self.taken.as_ref().map_or(0, |taken| taken.posted())
    }
}

/// A batch that a lane has taken, or the rest of it after an attempt. A message that is handled alone becomes
/// a batch of one once it has failed.
#[derive(Default)]
pub(crate) struct Taken {
    /// Messages that no handler has received yet.
    pub(crate) fresh: Vec<Task>,
    /// Messages that have failed, in their order.
    pub(crate) failed: Vec<Failed>,
    /// Messages of a retry topic that were not due at the last check. They follow all others.
    pub(crate) early: VecDeque<Task>,
}

/// A failed message that is to be retried, or whose letter is not acknowledged.
pub(crate) struct Failed {
    /// This message only.
    pub(crate) task: Task,
    /// The number of failures in the topic where it was read.
    pub(crate) failures: u32,
    /// It has used up its retries together with others, and is handled alone next.
    pub(crate) alone: bool,
    /// The letter of a message that is dead-lettered or delayed, in flight or still to be sent.
    pub(crate) letter: Option<Box<Letter>>,
    /// The earliest time at which it is handled again or its letter is sent.
    pub(crate) at: Option<Instant>,
}

impl Failed {
    pub(crate) fn new(task: Task, failures: u32) -> Self {
        Self {
            task,
            failures,
            alone: false,
            letter: None,
            at: None,
        }
    }

    /// The time of the next attempt; `None` if there is no wait, or if it has a letter.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.at.filter(|_| self.letter.is_none())
    }
}

impl Taken {
    /// The number of messages in flight and not settled. Messages that are not due are not in flight.
    pub(crate) fn len(&self) -> usize {
        let tasks = self.fresh.iter();
        tasks.map(|task| task.indices().len()).sum::<usize>() + self.failed.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.failed.is_empty() && self.early.is_empty()
    }

    /// The earliest time at which the handler may receive the failed messages, if they must wait.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.failed.iter().filter_map(Failed::retry_at).max()
    }

    /// Ends the waits of all failed messages.
    pub(crate) fn waits_no_more(&mut self) {
        let without_letter = self.failed.iter_mut().filter(|it| it.letter.is_none());
        without_letter.for_each(|failed| failed.at = None);
    }

    /// Returns `true` if one of the messages is dead-lettered or delayed.
    pub(crate) fn has_letters(&self) -> bool {
        self.failed.iter().any(|failed| failed.letter.is_some())
    }

    /// Moves the fresh messages to the early ones, because they may not be due.
    pub(crate) fn put_aside(&mut self) {
        for task in self.fresh.drain(..).rev() {
            self.early.push_front(task);
        }
    }

    /// The number of letters in flight.
    pub(crate) fn posted(&self) -> usize {
        let is_posted = |failed: &&Failed| {
            let letter = failed.letter.as_ref();
            letter.is_some_and(|letter| letter.is_on_its_way())
        };
        self.failed.iter().filter(is_posted).count()
    }

    /// How many of the first failed messages are handed to the handler together.
    pub(crate) fn run(&self) -> usize {
        let together = self.failed.iter().take_while(|failed| !failed.alone);
        // At least one: a message that must be alone, if it is the first.
        together.count().max(1).min(self.failed.len())
    }
}
