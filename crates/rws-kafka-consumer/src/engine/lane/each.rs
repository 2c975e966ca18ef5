//! Handlers that take one message at a time.

use super::super::progress::{Failed, Work};
use super::failing::Fate;
use super::handler::EachHandler;
use super::handling::Handling;
use super::shift::{Shift, Step};
use crate::engine::commits::transactions::Put;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerError;
use crate::partition::Task;
use rws_kafka_dispatch::Outcome;
use rws_kafka_observe::panics;
use std::ops::ControlFlow::{Break, Continue};

impl Shift<'_> {
    /// Hands out the message that failed before, or the next one.
    pub(super) fn hand_out_one(&mut self, handler: &EachHandler, work: &mut Work) -> Step {
        if let Some(failed) = work.progress.take_failed() {
            if let Some(at) = failed.at.filter(|at| *at > self.engine.clock.now()) {
                work.progress.put_back(failed);
                return Break(Outcome::Later(at));
            }
            let Some(index) = failed.task.first() else {
                return Continue(());
            };
            return match self.attempt(handler, &failed.task, index, failed.failures) {
                Attempt::Ended(step) => step,
                Attempt::Failed(error, handling) => self.failed(failed, &error, &handling, work),
            };
        }
        let Some(index) = work.task.first() else {
            return Continue(());
        };
        if self.is_foreign(&work.task.batch, index) {
            return match self.pass_over(&work.task, index) {
                Put::Done => {
                    work.task.advance();
                    Continue(())
                }
                Put::Lost | Put::Refused(_) => Break(Outcome::Dropped),
            };
        }
        if let Some(at) = self.due(&work.task, index) {
            return Break(Outcome::Later(at));
        }
        match self.attempt(handler, &work.task, index, 0) {
            Attempt::Ended(step) => {
                work.task.advance();
                step
            }
            Attempt::Failed(error, handling) => {
                let failed = Failed::new(work.task.split_off(1), 0);
                self.failed(failed, &error, &handling, work)
            }
        }
    }

    fn attempt(
        &mut self,
        handler: &EachHandler,
        task: &Task,
        index: u32,
        failures: u32,
    ) -> Attempt {
        self.run.takes(index);
        let failures = self.attempts_before(&task.batch, index) + failures;
        let group = self.engine.group();
        let handling = Handling::begin(group, &task.batch, index, failures + 1);
        let trace = handling.context().cloned();
        let worker = self.engine.clone();
        let context = ConsumerContext::new(worker, &task.batch, index, failures, trace);
        self.stopwatch.start();
        // A panic fails the message, not the worker.
        self.outputs.clear();
        let outputs = &mut *self.outputs;
        let result = handling
            .run(|| panics::catch(|| handler(context, outputs)))
            .unwrap_or_else(|panic| Err(HandlerError::panicked(&panic)));
        let error = match result {
            Ok(()) => match self.end_handled(task, index, &handling) {
                Put::Done => {
                    self.handled += 1;
                    return Attempt::Ended(Continue(()));
                }
                Put::Lost => return Attempt::Ended(Break(Outcome::Dropped)),
                Put::Refused(error) => error.into(),
            },
            Err(error) => {
                self.stopwatch.lap_and_stop();
                error
            }
        };
        match self.is_of_no_concern() {
            true => Attempt::Ended(Break(Outcome::Dropped)),
            false => Attempt::Failed(error, handling),
        }
    }

    /// Finishes the message after its handler has returned `Ok`.
    fn end_handled(&mut self, task: &Task, index: u32, handling: &Handling) -> Put {
        let (engine, partition) = (self.engine, self.partition);
        let mut unasked = false;
        // The partition is told when the run ends.
        let finish = || unasked = !task.batch.finish(index, engine.commits.on_ok());
        let records = self.outputs.records();
        let put = || engine.commits.end(&**engine, partition, records, 1, finish);
        let put = match engine.commits.carries_outputs() {
            false => {
                self.stopwatch.lap();
                put()
            }
            // The outputs are sent in the trace of the handler. The put may wait for a transaction.
            true => {
                self.stopwatch.lap_and_stop();
                handling.run(put)
            }
        };
        self.unasked += u64::from(unasked);
        put
    }

    /// Acts on a failure: the message is finished, or waits for its next step.
    fn failed(
        &mut self,
        mut failed: Failed,
        error: &HandlerError,
        handling: &Handling,
        work: &mut Work,
    ) -> Step {
        self.fails_once_more(&mut failed);
        handling.failed(error);
        let trace = handling.recorded();
        match handling.run(|| self.act_on(&mut failed, error, trace)) {
            Fate::Over => {}
            Fate::Waits => {
                let again = failed.retry_at();
                work.progress.put_back(failed);
                // Even without a pause, other strands come first.
                if let Some(at) = again {
                    return Break(Outcome::Later(at));
                }
            }
            Fate::Dropped => return Break(Outcome::Dropped),
        }
        Continue(())
    }
}

/// The result of an attempt.
enum Attempt {
    /// Nothing remains to be done about the message.
    Ended(Step),
    Failed(HandlerError, Handling),
}
