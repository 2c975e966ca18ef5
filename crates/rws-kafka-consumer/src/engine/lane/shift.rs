//! The loop in which a lane handles one run of a strand.

use super::super::progress::Work;
use super::super::shared::Engine;
use super::handler::Handler;
use super::stopwatch::Stopwatch;
use crate::handler::outputs::Outputs;
use crate::partition::{Partition, Recorders};
use crate::retry::Rung;
use rws_kafka_dispatch::{Outcome, Phase, Run, StrandId};
use std::ops::ControlFlow::{self, Break};
use std::sync::Arc;

/// One run of a strand in a lane.
pub(super) struct Shift<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) outputs: &'a mut Outputs,
    pub(super) strand: StrandId,
    pub(super) partition: &'a Arc<Partition>,
    /// The place of the topic among the retry topics, if there are any.
    pub(super) rung: Option<&'a Rung>,
    pub(super) run: Run<'a, Recorders>,
    pub(super) stopwatch: &'a mut Stopwatch,
    pub(super) handled: u64,
    /// The number of handled messages without a commit.
    pub(super) unasked: u64,
}

/// Whether the lane continues with the strand, or how it leaves it.
pub(super) type Step = ControlFlow<Outcome>;

impl Shift<'_> {
    pub(super) fn work(mut self, handler: &Handler, work: &mut Work) -> Outcome {
        if let (Handler::Batches(_), Some(taken)) = (handler, work.progress.taken()) {
            self.pass_over_foreign(taken);
            if self.is_retry() {
                taken.put_aside();
            }
        }
        let outcome = loop {
            if let Break(outcome) = self.step(handler, work) {
                break outcome;
            }
        };
        self.tell_handled();
        self.partition.settle();
        outcome
    }

    fn step(&mut self, handler: &Handler, work: &mut Work) -> Step {
        if let Some(taken) = work.progress.taken() {
            match self.see_to_letters(taken) {
                Break(Outcome::Yield) if work.progress.is_over(&work.task) => {
                    return Break(Outcome::Done);
                }
                step => step?,
            }
        }
        if work.progress.is_over(&work.task) {
            return Break(Outcome::Done);
        }
        if !self.partition.is_active() || self.engine.stop.is_asked() {
            return Break(Outcome::Dropped);
        }
        if self.engine.scheduler.is_paused() {
            return Break(Outcome::Yield);
        }
        match handler {
            Handler::Each(handler) => self.hand_out_one(handler.as_ref(), work),
            Handler::Batches(handler) => self.hand_out_batch(handler.as_ref(), work),
        }
    }

    /// Counts the handled messages, once for each run.
    pub(super) fn tell_handled(&mut self) {
        let handled = std::mem::take(&mut self.handled);
        self.partition.recorders.consumed.processed(handled);
        let unasked = std::mem::take(&mut self.unasked);
        let now = || self.engine.clock.now();
        let name = &self.partition.name;
        self.engine.unasked.handled(handled, unasked, name, now);
        if let Some(fuse) = &self.engine.fuse {
            fuse.handled(handled);
        }
    }

    /// Returns `true` if the messages belong to another consumer or are to be read again. A failure may be
    /// caused by just that, so no message is dead-lettered and no worker stopped for it.
    pub(super) fn is_of_no_concern(&self) -> bool {
        self.partition.phase() == Phase::Released
    }

    pub(super) fn is_retry(&self) -> bool {
        self.rung.is_some_and(Rung::is_retry)
    }
}
