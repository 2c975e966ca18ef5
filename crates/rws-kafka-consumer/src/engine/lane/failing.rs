//! The only place where a failure policy is carried out.

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

/// What happens to a failed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is finished.
    Over,
    /// It is retried, or its letter is sent: its [`Failed`] contains which, and when.
    Waits,
    /// Nothing: the worker stops, or the partition is lost.
    Dropped,
}

impl Shift<'_> {
    /// Records one more failure of the message.
    pub(super) fn fails_once_more(&self, failed: &mut Failed) {
        if let Some(index) = failed.task.first() {
            failed.task.batch.unmark(index);
        }
        failed.failures += 1;
        self.partition.recorders.consumed.failed();
    }

    /// Decides what happens to the message, and does it.
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

    /// Decides what happens to a failed message, and records its pause or letter in `failed`. A message that
    /// is over is not finished here.
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
        // Over all topics.
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
                log(&format!("is retried in {pause:?}"));
                failed.at = Some(engine.clock.after(pause));
                Fate::Waits
            }
            Verdict::PutOff | Verdict::DeadLetter => {
                let letter = match (verdict, self.next()) {
                    (Verdict::PutOff, Some(next)) => self.retry(task, index, attempts, error, next),
                    _ => self.dead_letter(task, index, attempts, error),
                };
                let Some(mut letter) = letter else {
                    // A worker with this policy and no queue does not start.
                    failed.at = Some(engine.clock.after(Duration::from_secs(1)));
                    return Fate::Waits;
                };
                log(&match letter.kind() {
                    LetterKind::Dead => format!("is dead-lettered to {}", letter.topic()),
                    LetterKind::PutOff => format!("is moved to the retry topic {}", letter.topic()),
                });
                letter.continues(trace.cloned());
                failed.letter = Some(Box::new(letter));
                failed.at = None;
                Fate::Waits
            }
            Verdict::Skip | Verdict::Ignore => {
                log("is skipped");
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

    /// Puts the letter into the transaction, as the only output of its message.
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

    /// The decision about a message with this number of failures in the topic where it was read.
    pub(super) fn verdict(&self, error: &HandlerError, failures: u32) -> Verdict {
        let handling = &self.engine.settings.failure;
        handling.verdict(error, failures, self.next().is_some())
    }

    /// The next retry topic for messages of this topic.
    fn next(&self) -> Option<&Next> {
        self.rung.and_then(|rung| rung.next.as_ref())
    }

    /// Returns `true` if the breaker allows no further dead-lettered or skipped message.
    fn breaks(&mut self) -> bool {
        // The breaker counts messages in their order.
        self.tell_handled();
        self.engine.fuse.as_ref().is_some_and(Fuse::blows)
    }

    /// Finishes the message together with its outputs: its offset may move.
    pub(super) fn end(&self, task: &Task, index: u32) -> Put {
        let finish = || {
            task.batch.finish(index, true);
        };
        let (engine, records) = (self.engine, self.outputs.records());
        let commits = &engine.commits;
        commits.end(&**engine, self.partition, records, 1, finish)
    }
}
