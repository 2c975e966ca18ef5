//! Handlers that take batches.

use super::super::progress::{Failed, Taken, Work};
use super::failing::Fate;
use super::handler::BatchHandler;
use super::handling::Handling;
use super::shift::{Shift, Step};
use crate::engine::commits::transactions::Put;
use crate::failure::class::ErrorClass;
use crate::failure::policy::Verdict;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerError;
use crate::handler::message_batch::MessageBatch;
use crate::partition::{Batch, Task};
use rws_kafka_dispatch::Outcome;
use rws_kafka_observe::panics;
use rws_kafka_observe::trace::TraceContext;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

impl Shift<'_> {
    /// Hands out the messages of the batch that are due.
    pub(super) fn hand_out_batch(&mut self, handler: &BatchHandler, work: &mut Work) -> Step {
        let Some(taken) = work.progress.taken() else {
            return Break(Outcome::Done);
        };
        if let Some(at) = self.part_due(taken) {
            return Break(Outcome::Later(at));
        }
        if let Some(at) = taken.due().filter(|at| *at > self.engine.clock.now()) {
            return Break(Outcome::Later(at));
        }
        taken.waits_no_more();
        self.hand_out_run(handler, taken)?;
        if !taken.is_empty() {
            self.engine.scheduler.holds(self.strand, taken.len());
        }
        match taken.due() {
            // Even without a pause, other strands come first. The next step sends letters before.
            Some(at) if !taken.has_letters() => Break(Outcome::Later(at)),
            _ => Continue(()),
        }
    }

    /// Makes one attempt.
    fn hand_out_run(&mut self, handler: &BatchHandler, taken: &mut Taken) -> Step {
        let messages = self.take_run(taken);
        let (engine, partition) = (self.engine, self.partition);
        let batch = MessageBatch::new(
            engine.clone(),
            partition,
            self.strand,
            messages,
            taken.len(),
        );
        if let Some(first) = batch.get(0) {
            self.run.turn_to(first.batch());
            self.run.takes(first.index());
        }
        let handling = Handling::begin_batch(&batch);
        self.stopwatch.start();
        self.outputs.clear();
        let outputs = &mut *self.outputs;
        let result = handling
            .run(|| panics::catch(|| handler(&batch, outputs)))
            .unwrap_or_else(|panic| Err(HandlerError::panicked(&panic)));
        self.stopwatch.lap_and_stop();
        handling.run(|| self.settle(batch, result.err(), &handling, taken))
    }

    /// Settles a batch after its handler has returned, with `error` unless it returned `Ok`.
    fn settle(
        &mut self,
        batch: MessageBatch,
        error: Option<HandlerError>,
        handling: &Handling,
        taken: &mut Taken,
    ) -> Step {
        let (commit, mut marks, messages) = batch.into_parts();
        let commit = commit || self.engine.commits.on_ok();
        if (error.is_some() || !marks.failed.is_empty()) && self.is_of_no_concern() {
            return Break(Outcome::Dropped);
        }
        if messages.len() > 1 && self.engine.commits.carries_outputs() {
            let failed = marks.failed;
            return self.settle_as_one(&messages, &failed, error, handling, taken);
        }
        let shared = match error {
            Some(error) => Some(error),
            None => {
                let unsettled = marks.handled..messages.len();
                let handled = unsettled.filter(|index| !marks.failed.contains_key(index));
                let mut unasked = 0;
                let count = handled.clone().count();
                let finish = || {
                    handled.for_each(|index| {
                        unasked += u64::from(!messages[index].finish(commit));
                    });
                };
                match self.end_batch(count, finish) {
                    Put::Done => {
                        self.unasked += unasked;
                        marks.handled = messages.len();
                        None
                    }
                    Put::Lost => return Break(Outcome::Dropped),
                    Put::Refused(error) => Some(error.into()),
                }
            }
        };
        if let Some(error) = shared.as_ref().or_else(|| marks.failed.values().next()) {
            handling.failed(error);
        }
        let in_company = messages.len() > 1;
        let mut left = Vec::new();
        let mut handled = marks.count() as u64;
        for (index, message) in messages.iter().enumerate() {
            let own = marks.failed.get(&index);
            let is_settled = index < marks.handled;
            let error = match (own, &shared) {
                (Some(error), _) => error,
                (None, Some(error)) if !is_settled => error,
                _ => {
                    // In the order of the messages, as the breaker counts them.
                    self.handled += 1;
                    handled -= 1;
                    continue;
                }
            };
            let others = in_company && own.is_none();
            let mut failed = self.failed_before(message);
            match self.fails(&mut failed, error, others) {
                Fate::Over => {}
                Fate::Waits => left.push(failed),
                Fate::Dropped => {
                    self.handled += handled;
                    return Break(Outcome::Dropped);
                }
            }
        }
        // Before the messages that were not handed out with them.
        taken.failed.splice(0..0, left);
        Continue(())
    }
}

impl Shift<'_> {
    /// Finishes the messages, together with their outputs.
    pub(super) fn end_batch(&self, count: usize, finish: impl FnOnce()) -> Put {
        if count == 0 {
            return Put::Done;
        }
        let (engine, partition) = (self.engine, self.partition);
        let records = self.outputs.records();
        let finish = || {
            finish();
            partition.settle();
        };
        let commits = &engine.commits;
        commits.end(&**engine, partition, records, count, finish)
    }

    /// Records the failure of a message. `others` is `true` if other messages failed by the same error.
    pub(super) fn fails(
        &mut self,
        failed: &mut Failed,
        error: &HandlerError,
        others: bool,
    ) -> Fate {
        self.fails_once_more(failed);
        if others && self.gives_up(error, failed.failures) {
            // It may not be this message's fault: it is handled alone next.
            failed.alone = true;
            self.partition.recorders.consumed.retried();
            if let Some(index) = failed.task.first() {
                let batch = &failed.task.batch;
                let attempts = self.attempts_before(batch, index) + failed.failures;
                let (name, offset) = (&self.partition.name, batch.offset(index));
                let outcome = "is retried without the others of its batch";
                let engine = self.engine;
                engine.log_failure(name, offset, attempts, outcome, error);
            }
            return Fate::Waits;
        }
        self.act_on(failed, error, None)
    }

    /// The message as it was before this attempt.
    pub(super) fn failed_before(&self, message: &ConsumerContext) -> Failed {
        let task = Task::one(message.batch(), message.index());
        Failed::new(task, self.failures(message) - 1)
    }

    /// The number of failures of the message in the topic where it was read, including this attempt.
    pub(super) fn failures(&self, message: &ConsumerContext) -> u32 {
        message.attempt() - self.attempts_before(message.batch(), message.index())
    }

    /// The messages of the next attempt.
    fn take_run(&self, taken: &mut Taken) -> Vec<ConsumerContext> {
        let message = |batch: &Arc<Batch>, index, failures| {
            let trace = TraceContext::from_headers(batch.headers(index)).map(Arc::new);
            let failures = self.attempts_before(batch, index) + failures;
            ConsumerContext::new(self.engine.clone(), batch, index, failures, trace)
        };
        if taken.fresh.is_empty() {
            let run = taken.failed.drain(..taken.run());
            let messages = run.filter_map(|failed| {
                let index = failed.task.first()?;
                Some(message(&failed.task.batch, index, failed.failures))
            });
            return messages.collect();
        }
        let mut messages = Vec::with_capacity(taken.len());
        for task in taken.fresh.drain(..) {
            let indices = task.indices();
            messages.extend(indices.map(|index| message(&task.batch, index, 0)));
        }
        messages
    }

    /// Returns `true` if the message has used up its retries with this error.
    fn gives_up(&self, error: &HandlerError, failures: u32) -> bool {
        match self.verdict(error, failures) {
            Verdict::RetryAfter(_) | Verdict::PutOff => false,
            // A fatal error concerns the worker, not the message.
            Verdict::Stop => self.engine.settings.failure.class_of(error) != ErrorClass::Fatal,
            Verdict::DeadLetter | Verdict::Skip | Verdict::Ignore => true,
        }
    }
}
