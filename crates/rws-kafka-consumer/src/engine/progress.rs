//! How far the handling of a message, or of a batch of them, has come.

use super::letter::Letter;
use super::recorders::{Recorders, Task};
use rws_kafka_dispatch as dispatch;
use std::collections::VecDeque;
use std::time::Instant;

pub(crate) type Scheduler = dispatch::Scheduler<Progress>;
pub(crate) type Work = dispatch::Work<Progress>;
pub(crate) type Outcome = dispatch::Outcome<Progress>;

/// How far the first message of a task has come.
#[derive(Default)]
pub(crate) struct Progress {
    /// How often its handler has failed.
    pub(crate) failures: u32,
    /// It is given up or put off: its letter, on its way or to be sent.
    pub(crate) letter: Option<Box<Letter>>,
    /// Where the handler takes batches, these are the messages that it is about, each with its own
    /// progress; the task holds none.
    pub(crate) batch: Option<Box<Taken>>,
}

impl dispatch::Progress for Progress {
    type Recorders = Recorders;

    fn gathered(runs: Vec<Task>) -> Self {
        let taken = Taken {
            fresh: runs,
            ..Taken::default()
        };
        Self {
            batch: Some(Box::new(taken)),
            ..Self::default()
        }
    }

    fn is_gathered(&self) -> bool {
        self.batch.is_some()
    }

    fn messages(&self) -> usize {
        // A lane that looks what is due may go on with it: a drain waits for that.
        self.batch.as_ref().map_or(1, |batch| batch.len().max(1))
    }

    fn posted(&self) -> usize {
        self.batch.as_ref().map_or(1, |batch| batch.posted())
    }
}

/// A batch that a lane has taken, or what is left of it after an attempt.
#[derive(Default)]
pub(crate) struct Taken {
    /// What no handler was given yet.
    pub(crate) fresh: Vec<Task>,
    /// What has failed, in its order.
    pub(crate) failed: Vec<Failed>,
    /// What is of a retry topic and was not due, when it was last looked at; after all others.
    pub(crate) early: VecDeque<Task>,
    /// Not before this time is the handler given what has failed.
    pub(crate) due: Option<Instant>,
}

/// A message that has failed and is not given up, or whose letter is not acknowledged.
pub(crate) struct Failed {
    /// It and no other.
    pub(crate) task: Task,
    pub(crate) failures: u32,
    /// It failed with others as often as it may: what becomes of it shows when it is alone.
    pub(crate) alone: bool,
    pub(crate) letter: Option<Box<Letter>>,
    /// Not before this time is the letter posted again.
    pub(crate) again: Option<Instant>,
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
