//! What a lane takes, and what it gives back.

use crate::strand::{StrandId, Task};
use std::time::Instant;

/// How far the first message of a strand has come, or the batch that was gathered from its start. Whoever
/// handles messages keeps in it what the next attempt has to know.
pub trait Progress: Default {
    /// What the owner of a partition keeps with it.
    type Recorders;

    /// Of a batch that was gathered: these runs, of which no handler was given anything yet.
    fn gathered(runs: Vec<Task<Self::Recorders>>) -> Self;

    /// Whether it is of a batch that was gathered: the task beside it holds no message then.
    fn is_gathered(&self) -> bool;

    /// How many messages a lane has in hand with it, one at least: a drain waits for who looks what is
    /// due.
    fn messages(&self) -> usize;

    /// How many of them wait for an outcome, such as the acknowledgement of a dead letter.
    fn posted(&self) -> usize;
}

/// What a lane took to work on.
#[derive(Debug)]
pub struct Work<P: Progress> {
    /// Nobody else has work of it until this is given back.
    pub strand: StrandId,
    /// The messages.
    pub task: Task<P::Recorders>,
    /// How far the first of them has come.
    pub progress: P,
}

/// How a lane's work ended.
#[derive(Debug)]
pub enum Outcome<P: Progress> {
    /// Every message of the task is handled.
    Done,
    /// The first message is looked at again at `at`, before its successors.
    Later {
        /// From that message on.
        task: Task<P::Recorders>,
        /// How far it has come.
        progress: P,
        /// Not before this time.
        at: Instant,
    },
    /// The first message waits for an outcome, of which [`Scheduler::wake`](super::Scheduler::wake)
    /// tells.
    Posted {
        /// From that message on.
        task: Task<P::Recorders>,
        /// How far it has come.
        progress: P,
    },
    /// The task goes on where it stood, after what is ready before it.
    Yield {
        /// What is left.
        task: Task<P::Recorders>,
        /// How far its first message has come.
        progress: P,
    },
    /// The partition is no longer active, or the worker is to stop: the task is left where it stood.
    Dropped,
}
