//! What a lane takes, and what it gives back.

use crate::strand::{StrandId, Task};
use std::time::Instant;

/// What was begun of a strand's messages and has not come to its end: those that failed, and the batch that
/// was gathered. Whoever handles messages keeps in it what the next attempt has to know.
pub trait Progress: Default {
    /// What the owner of a partition keeps with it.
    type Recorders;

    /// Of a batch that was gathered: these runs, of which no handler was given anything yet.
    fn gathered(runs: Vec<Task<Self::Recorders>>) -> Self;

    /// Whether it holds messages, or what is left of a batch: nothing is gathered for it then.
    fn is_begun(&self) -> bool;

    /// How many messages a lane has in hand with it, one at least: a drain waits for who looks what is
    /// due.
    fn messages(&self) -> usize;

    /// How many of them wait for an outcome, such as the acknowledgement of a dead letter.
    fn posted(&self) -> usize;
}

/// What a lane took to work on, and gives back.
#[derive(Debug)]
pub struct Work<P: Progress> {
    /// Nobody else has work of it until this is given back.
    pub strand: StrandId,
    /// Messages that no handler was given, behind those of the progress.
    pub task: Task<P::Recorders>,
    /// What was begun.
    pub progress: P,
}

/// How a lane's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every message of it has come to its end.
    Done,
    /// What was begun is looked at again at this time, before what is behind it.
    Later(Instant),
    /// What was begun waits for an outcome, of which [`Scheduler::wake`](super::Scheduler::wake) tells.
    Posted,
    /// It goes on where it stood, after what is ready before it.
    Yield,
    /// The partition is no longer active, or the worker is to stop: all of it is left where it stood.
    Dropped,
}
