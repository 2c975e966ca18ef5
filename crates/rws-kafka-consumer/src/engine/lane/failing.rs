//! What becomes of a message that has failed: the one place where a policy is put into practice.

use super::super::progress::Failed;
use super::shift::Shift;
use crate::engine::commits::transactions::Put;
use crate::engine::letters::letter::LetterKind;
use crate::error::ConsumerError;
use crate::failure::breaker::Fuse;
use crate::failure::policy::Verdict;
use crate::handler::error::HandlerError;
use crate::partition::Task;
use crate::retry::Step as Next;
use rws_kafka_observe::trace::TraceContext;
use std::time::Duration;

/// What becomes of a message that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It comes to its end.
    Over,
    /// It is handled again, or its letter is posted: its [`Failed`] says which, and when.
    Waits,
    /// Nothing is done with it here: the worker stops, or the partition is lost.
    Dropped,
}

impl Shift<'_> {
    /// One more failure of the message.
    pub(super) fn fails_once_more(&self, failed: &mut Failed) {
        if let Some(index) = failed.task.first() {
            failed.task.batch.unmark(index);
        }
        failed.failures += 1;
        self.partition.recorders.consumed.failed();
    }

    /// Decides what becomes of the message, and does it.
    pub(super) fn act_on(
        &mut self,
        failed: &mut Failed,
        error: &HandlerError,
        trace: Option<&TraceContext>,
    ) -> Fate {
        let Some(index) = failed.task.first() else {
            return Fate::Over;
        };
        match self.decide(failed, index, error, trace) {
            Fate::Over => {
                self.outputs.clear();
                Self::fate_of(&self.end(&failed.task, index))
            }
            Fate::Waits if self.engine.commits.carries_outputs() => self.send(failed, index),
            fate => fate,
        }
    }

    /// What becomes of a message that has failed: its pause, or its letter, is noted with it. What comes
    /// to its end is not yet finished.
    pub(super) fn decide(
        &mut self,
        failed: &mut Failed,
        index: u32,
        error: &HandlerError,
        trace: Option<&TraceContext>,
    ) -> Fate {
        let engine = self.engine;
        let (task, failures) = (&failed.task, failed.failures);
        let offset = task.batch.offset(index);
        let verdict = self.verdict(error, failures);
        // Those of all topics.
        let attempts = self.attempts_before(&task.batch, index) + failures;
        if matches!(verdict, Verdict::DeadLetter | Verdict::Skip) && self.breaks() {
            let breaker = engine.settings.breaker;
            engine.fail(ConsumerError::CircuitOpen {
                breaker: breaker.map_or_else(String::new, |breaker| breaker.to_string()),
                partition: self.partition.name.clone(),
                offset,
                reason: error.to_string(),
            });
            return Fate::Dropped;
        }
        let log = |outcome: &str| {
            engine.log_failure(&self.partition.name, offset, attempts, outcome, error);
        };
        match verdict {
            Verdict::RetryAfter(pause) => {
                self.partition.recorders.consumed.retried();
                log(&format!("is tried again in {pause:?}"));
                failed.at = Some(engine.clock.after(pause));
                Fate::Waits
            }
            Verdict::PutOff | Verdict::DeadLetter => {
                let letter = match (verdict, self.next()) {
                    (Verdict::PutOff, Some(next)) => self.retry(task, index, attempts, error, next),
                    _ => self.dead_letter(task, index, attempts, error),
                };
                let Some(mut letter) = letter else {
                    // A worker does not start with this policy and no queue.
                    failed.at = Some(engine.clock.after(Duration::from_secs(1)));
                    return Fate::Waits;
                };
                log(&match letter.kind() {
                    LetterKind::Dead => format!("is given up: it goes to {}", letter.topic()),
                    LetterKind::PutOff => format!("is put off: it goes to {}", letter.topic()),
                });
                letter.continues(trace.cloned());
                failed.letter = Some(Box::new(letter));
                failed.at = None;
                Fate::Waits
            }
            Verdict::Skip | Verdict::Ignore => {
                log("is passed over");
                self.tell_skipped();
                Fate::Over
            }
            Verdict::Stop => {
                engine.fail(ConsumerError::Failed {
                    partition: self.partition.name.clone(),
                    offset,
                    attempts,
                    reason: error.to_string(),
                });
                Fate::Dropped
            }
        }
    }

    /// Sends the letter with the offset of its message, whose only output it is.
    fn send(&mut self, failed: &mut Failed, index: u32) -> Fate {
        let Some(mut letter) = failed.letter.take() else {
            return Fate::Waits;
        };
        let task = &failed.task;
        self.fit(&mut letter, task, index);
        self.outputs.replace(&letter.record(&task.batch, index));
        let put = self.end(task, index);
        match &put {
            Put::Done => self.tell_posted(letter.kind()),
            Put::Lost => {}
            Put::Refused(error) => {
                let (name, offset) = (&self.partition.name, task.batch.offset(index));
                let error = letter.refused(name, offset, error.clone());
                self.engine.fail(error);
            }
        }
        Self::fate_of(&put)
    }

    fn fate_of(put: &Put) -> Fate {
        match put {
            Put::Done => Fate::Over,
            Put::Lost | Put::Refused(_) => Fate::Dropped,
        }
    }

    /// What is to be done about a message that has failed so often where it was read.
    pub(super) fn verdict(&self, error: &HandlerError, failures: u32) -> Verdict {
        let handling = &self.engine.settings.failure;
        handling.verdict(error, failures, self.next().is_some())
    }

    /// The retry topic that messages go to from where they were read.
    fn next(&self) -> Option<&Next> {
        self.rung.and_then(|rung| rung.next.as_ref())
    }

    /// Whether the message that is to be given up is one too many.
    fn breaks(&mut self) -> bool {
        // The breaker is told in the order in which it was.
        self.tell_handled();
        self.engine.fuse.as_ref().is_some_and(Fuse::blows)
    }

    /// The message has come to an end, together with what goes out for it: its offset may move.
    pub(super) fn end(&self, task: &Task, index: u32) -> Put {
        let finish = || {
            task.batch.finish(index);
            self.partition.finish(task.batch.sequence(index), true);
        };
        let (engine, records) = (self.engine, self.outputs.records());
        let commits = &engine.commits;
        commits.end(&**engine, self.partition, records, 1, finish)
    }
}
