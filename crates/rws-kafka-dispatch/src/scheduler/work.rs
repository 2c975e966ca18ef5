//! The work that a lane takes, and its outcome.

use crate::strand::{StrandId, Task};
use std::time::Instant;

/// The work of a strand that has begun and not ended: failed messages, and the batch that was gathered. Its
/// implementation stores what the next attempt needs.
pub trait Progress: Default {
    /// The data that the owner of a partition keeps with it.
    type Recorders;

    /// Creates the progress of a gathered batch, with runs that no handler has received yet.
    fn gathered(runs: Vec<Task<Self::Recorders>>) -> Self;

    /// Returns `true` if it has messages, or the rest of a batch. Nothing is gathered for it then.
    fn is_begun(&self) -> bool;

    /// Returns how many messages a lane has in flight with it. At least one, so that a drain waits for a lane
    /// that only checks what is due.
    fn messages(&self) -> usize;

    /// Returns how many of them wait for an outcome, such as the acknowledgement of a dead letter.
    fn posted(&self) -> usize;
}

/// The work that a lane takes and gives back.
#[derive(Debug)]
pub struct Work<P: Progress> {
    /// The strand. No other lane has work of it until this is given back.
    pub strand: StrandId,
    /// Messages that no handler has received yet. They come after those of the progress.
    pub task: Task<P::Recorders>,
    /// The work that has begun.
    pub progress: P,
}

/// The outcome of a lane's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every message of it is finished.
    Done,
    /// The work that has begun is retried at this time, before the later messages.
    Later(Instant),
    /// The work that has begun waits for an outcome, which [`Scheduler::wake`](super::Scheduler::wake)
    /// reports.
    Posted,
    /// It continues later where it stopped, after the strands that are ready now.
    Yield,
    /// The partition is no longer active, or the worker is to stop: the work stays where it stopped.
    Dropped,
}
