//! A lane at work on batches.

use super::dead_letters::Posting;
use super::handling::Handling;
use super::lane::{BatchHandler, Shift, Then};
use super::progress::{Failed, Taken};
use super::progress::{Outcome, Work};
use super::recorders::{Batch, Task};
use super::transactions::Put;
use crate::context::ConsumerContext;
use crate::error_class::ErrorClass;
use crate::failure::Verdict;
use crate::handler::HandlerError;
use crate::message_batch::MessageBatch;
use crate::retry::Rung;
use rws_kafka_dispatch::Phase;
use rws_kafka_observe::panics;
use rws_kafka_observe::trace::TraceContext;
use std::sync::Arc;
use std::time::Instant;

mod as_one;
#[cfg(test)]
mod tests;

/// How it goes on with a batch.
enum Step {
    /// All of it is settled.
    Done,
    /// Nothing more is done with it here.
    Dropped,
    /// Letters are on their way.
    Posted,
    /// It is looked at again at this time.
    Later(Instant),
    /// Others are let go first.
    Yield,
}

/// How the letters of a batch stand.
enum Letters {
    None,
    /// Those that there were are acknowledged.
    Delivered,
    OnTheirWay,
    /// One of them is posted again, not before this time.
    Refused(Instant),
    /// They are not to be posted, or no more.
    Off,
}

impl Shift<'_> {
    pub(super) fn work_in_batches(mut self, handler: &BatchHandler, work: Work) -> Outcome {
        let Work {
            task, mut progress, ..
        } = work;
        let mut taken = progress.batch.take().unwrap_or_default();
        if self.rung.is_some_and(Rung::is_retry) {
            taken.put_aside();
        }
        let step = self.go_in_batches(handler, &mut taken);
        self.tell_handled();
        progress.batch = Some(taken);
        match step {
            Step::Done => Outcome::Done,
            Step::Dropped => Outcome::Dropped,
            Step::Posted => Outcome::Posted { task, progress },
            Step::Later(at) => Outcome::Later { task, progress, at },
            Step::Yield => Outcome::Yield { task, progress },
        }
    }

    fn go_in_batches(&mut self, handler: &BatchHandler, taken: &mut Taken) -> Step {
        loop {
            match self.see_to_letters(taken) {
                Letters::None => {}
                Letters::Delivered if taken.is_empty() => return Step::Done,
                Letters::Delivered => return Step::Yield,
                Letters::OnTheirWay => return Step::Posted,
                Letters::Refused(at) => return Step::Later(at),
                Letters::Off => return Step::Dropped,
            }
            if taken.is_empty() {
                return Step::Done;
            }
            if !self.partition.is_active() || self.engine.stop.is_asked() {
                return Step::Dropped;
            }
            if self.engine.scheduler.is_paused() {
                return Step::Yield;
            }
            if let Some(due) = self.part_due(taken) {
                return Step::Later(due);
            }
            if let Some(due) = taken.due.take()
                && due > self.engine.clock.now()
            {
                taken.due = Some(due);
                return Step::Later(due);
            }
            if !self.handle(handler, taken) {
                return Step::Dropped;
            }
            if !taken.is_empty() {
                self.engine.scheduler.holds(self.strand, taken.len());
            }
        }
    }

    /// Posts what is to be posted, and looks what has become of what was.
    fn see_to_letters(&mut self, taken: &mut Taken) -> Letters {
        let Some(letters) = self.engine.letters() else {
            return Letters::None;
        };
        let (mut delivered, mut posted, mut refused, mut off) = (false, false, None, false);
        taken.failed.retain_mut(|failed| {
            let (Some(letter), Some(index)) = (&mut failed.letter, failed.task.first()) else {
                return true;
            };
            if !letter.is_on_its_way() {
                // One of a message that is someone else's by now is not begun.
                off |= self.partition.phase() == Phase::Released;
                let waits = failed.again.filter(|at| *at > self.engine.clock.now());
                refused = refused.max(waits);
                if off || waits.is_some() {
                    return true;
                }
            }
            match self.post(letters, letter, &failed.task, index) {
                Posting::Delivered => {
                    delivered = true;
                    self.tell_posted(letter.kind());
                    self.end(&failed.task, index);
                    return false;
                }
                Posting::OnItsWay => posted = true,
                Posting::Refused { again, .. } => {
                    failed.again = again.map(|again| self.engine.clock.after(again));
                    off |= again.is_none();
                    refused = refused.max(failed.again);
                }
            }
            true
        });
        match refused {
            _ if posted => Letters::OnTheirWay,
            _ if off => Letters::Off,
            Some(at) => Letters::Refused(at),
            None if delivered => Letters::Delivered,
            None => Letters::None,
        }
    }

    /// One attempt; false when the worker stops, or the partition is lost.
    fn handle(&mut self, handler: &BatchHandler, taken: &mut Taken) -> bool {
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

    /// What has become of a batch whose handler returned, with `error` where it did not with `Ok`.
    fn settle(
        &mut self,
        batch: MessageBatch,
        error: Option<HandlerError>,
        handling: &Handling,
        taken: &mut Taken,
    ) -> bool {
        let (commit, mut marks, messages) = batch.into_parts();
        let commit = commit || self.engine.settings.commit_on_ok;
        if (error.is_some() || !marks.failed.is_empty()) && self.is_of_no_concern() {
            return false;
        }
        if messages.len() > 1 && self.engine.transactions().is_some() {
            let failed = marks.failed;
            return self.settle_as_one(&messages, &failed, error, handling, taken);
        }
        let shared = match error {
            Some(error) => Some(error),
            None => {
                let unsettled = marks.handled..messages.len();
                let handled = unsettled.filter(|index| !marks.failed.contains_key(index));
                let mut unasked = 0;
                let finished = handled.clone().map(|index| {
                    let (sequence, marked) = messages[index].finish(commit);
                    unasked += u64::from(!marked);
                    (sequence, marked)
                });
                match self.end_all(handled.count(), finished) {
                    Put::Done => {
                        // In a transaction, there is nothing to ask for.
                        if self.engine.transactions().is_none() {
                            self.unasked += unasked;
                        }
                        marks.handled = messages.len();
                        None
                    }
                    Put::Lost => return false,
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
                    // In the order of the messages, as a breaker counts.
                    self.handled += 1;
                    handled -= 1;
                    continue;
                }
            };
            let others = in_company && own.is_none();
            match self.fails(message, error, others, &mut taken.due) {
                Fate::Settled => {}
                Fate::Unsettled(failed) => left.push(failed),
                Fate::Stop => {
                    self.handled += handled;
                    return false;
                }
            }
        }
        // Before those that were not handed out with it.
        taken.failed.splice(0..0, left);
        true
    }
}

/// What has become of a message that failed.
enum Fate {
    Settled,
    Unsettled(Failed),
    /// The worker stops.
    Stop,
}

impl Shift<'_> {
    /// The messages have come to their end, in a transaction together with what goes out for them.
    fn end_all(&self, count: usize, finished: impl Iterator<Item = (u64, bool)>) -> Put {
        if count == 0 {
            return Put::Done;
        }
        let Some(transactions) = self.engine.transactions() else {
            self.partition.finish_all(finished);
            return Put::Done;
        };
        let finish = || {
            let finished = finished.map(|(sequence, _)| (sequence, true));
            self.partition.finish_all(finished);
        };
        let records = self.outputs.records();
        transactions.put(&**self.engine, self.partition, records, count, finish)
    }

    /// `others` failed with the message, by the same error.
    fn fails(
        &mut self,
        message: &ConsumerContext,
        error: &HandlerError,
        others: bool,
        due: &mut Option<Instant>,
    ) -> Fate {
        let index = message.index();
        let (task, failures) = self.count_failure(message);
        let mut failed = Failed {
            task,
            failures,
            alone: false,
            letter: None,
            again: None,
        };
        if others && self.gives_up(error, failures) {
            // It may be as good as any: that shows when it is alone.
            failed.alone = true;
            self.partition.recorders.consumed.retried();
            let (name, offset) = (&self.partition.name, message.offset());
            let outcome = "is tried again without the others of its batch";
            let engine = self.engine;
            engine.log_failure(name, offset, message.attempt(), outcome, error);
            return Fate::Unsettled(failed);
        }
        let decision = self.decide(&failed.task, index, failures, error, None);
        match self.carry_out(decision, &failed.task, index) {
            Then::Next => return Fate::Settled,
            Then::Post(letter) => failed.letter = Some(letter),
            Then::Again(pause) => *due = (*due).max(Some(self.engine.clock.after(pause))),
            Then::Stop => return Fate::Stop,
        }
        Fate::Unsettled(failed)
    }

    /// The message, and how often it has failed where it was read, this time included.
    fn count_failure(&self, message: &ConsumerContext) -> (Task, u32) {
        let (batch, index) = (message.batch(), message.index());
        batch.unmark(index);
        self.partition.recorders.consumed.failed();
        (Task::one(batch, index), self.failures(message))
    }

    /// How often the message has failed where it was read, should it have failed this time.
    fn failures(&self, message: &ConsumerContext) -> u32 {
        message.attempt() - self.attempts_before(message.batch(), message.index())
    }

    /// The messages to be handed out next.
    fn take_run(&self, taken: &mut Taken) -> Vec<ConsumerContext> {
        let message = |batch: &Arc<Batch>, index, failures| {
            let trace = TraceContext::from_headers(batch.headers(index));
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

    /// Whether the error is the end of a message that has failed so often.
    fn gives_up(&self, error: &HandlerError, failures: u32) -> bool {
        match self.verdict(error, failures) {
            Verdict::RetryAfter(_) | Verdict::PutOff => false,
            // That is about the worker, and not about a message.
            Verdict::Stop => self.engine.settings.failure.class_of(error) != ErrorClass::Fatal,
            Verdict::DeadLetter | Verdict::Skip | Verdict::Ignore => true,
        }
    }
}
