//! How far the handling of a message, or of a batch of them, has come.

use super::letters::letter::Letter;
use crate::partition::{Recorders, Task};
use rws_kafka_dispatch as dispatch;
use std::collections::VecDeque;
use std::time::Instant;

pub(crate) type Scheduler = dispatch::Scheduler<Progress>;
pub(crate) type Work = dispatch::Work<Progress>;

/// What was begun of a strand: a message that has failed, or a batch.
#[derive(Default)]
pub(crate) struct Progress {
    taken: Option<Box<Taken>>,
}

impl Progress {
    pub(crate) fn taken(&mut self) -> Option<&mut Taken> {
        self.taken.as_deref_mut()
    }

    /// Takes out the first message that has failed.
    pub(crate) fn take_failed(&mut self) -> Option<Failed> {
        let failed = &mut self.taken()?.failed;
        (!failed.is_empty()).then(|| failed.remove(0))
    }

    /// The message has failed, and comes before all others.
    pub(crate) fn put_back(&mut self, failed: Failed) {
        self.taken.get_or_insert_default().failed.insert(0, failed);
    }

    /// Whether nothing is left of it and of `task`.
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
        // A lane that looks what is due may go on with it: a drain waits for that.
        self.taken.as_ref().map_or(1, |taken| taken.len().max(1))
    }

    fn posted(&self) -> usize {
        self.taken.as_ref().map_or(0, |taken| taken.posted())
    }
}

/// A batch that a lane has taken, or what is left of it after an attempt. A message that is handled alone
/// is one of one, once it has failed.
#[derive(Default)]
pub(crate) struct Taken {
    /// What no handler was given yet.
    pub(crate) fresh: Vec<Task>,
    /// What has failed, in its order.
    pub(crate) failed: Vec<Failed>,
    /// What is of a retry topic and was not due, when it was last looked at; after all others.
    pub(crate) early: VecDeque<Task>,
}

/// A message that has failed and is not given up, or whose letter is not acknowledged.
pub(crate) struct Failed {
    /// It and no other.
    pub(crate) task: Task,
    /// How often it has failed where it was read.
    pub(crate) failures: u32,
    /// It failed with others as often as it may: what becomes of it shows when it is alone.
    pub(crate) alone: bool,
    /// It is given up or put off: its letter, on its way or to be sent.
    pub(crate) letter: Option<Box<Letter>>,
    /// Not before this time is it handled again, or its letter posted.
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

    /// When it is handled again; none where it has no pause to wait for, or a letter.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.at.filter(|_| self.letter.is_none())
    }
}

impl Taken {
    /// Messages that are in hand and not settled: what is not due is not.
    pub(crate) fn len(&self) -> usize {
        let tasks = self.fresh.iter();
        tasks.map(|task| task.indices().len()).sum::<usize>() + self.failed.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.failed.is_empty() && self.early.is_empty()
    }

    /// Not before this time is the handler given what has failed, where that is to wait.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.failed.iter().filter_map(Failed::retry_at).max()
    }

    /// The pause is over, for all that have failed.
    pub(crate) fn waits_no_more(&mut self) {
        let without_letter = self.failed.iter_mut().filter(|it| it.letter.is_none());
        without_letter.for_each(|failed| failed.at = None);
    }

    /// Whether one of the messages is given up or put off.
    pub(crate) fn has_letters(&self) -> bool {
        self.failed.iter().any(|failed| failed.letter.is_some())
    }

    /// What is fresh is looked at anew: it may not be due.
    pub(crate) fn put_aside(&mut self) {
        for task in self.fresh.drain(..).rev() {
            self.early.push_front(task);
        }
    }

    /// How many letters are on their way.
    pub(crate) fn posted(&self) -> usize {
        let is_posted = |failed: &&Failed| {
            let letter = failed.letter.as_ref();
            letter.is_some_and(|letter| letter.is_on_its_way())
        };
        self.failed.iter().filter(is_posted).count()
    }

    /// How many of the first that have failed are handed to the handler together.
    pub(crate) fn run(&self) -> usize {
        let together = self.failed.iter().take_while(|failed| !failed.alone);
        // One that is to be alone, where it is the first.
        together.count().max(1).min(self.failed.len())
    }
}
