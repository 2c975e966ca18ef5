//! Batches whose outputs and offsets go into one transaction.

use super::super::handling::Handling;
use super::super::lane::{Decision, Shift};
use super::super::progress::{Failed, Taken};
use super::super::recorders::Task;
use super::super::transactions::Put;
use super::Fate;
use crate::context::ConsumerContext;
use crate::failure::Verdict;
use crate::handler::HandlerError;
use std::collections::BTreeMap;

impl Shift<'_> {
    /// What has become of a batch in a transaction: what goes out for it goes with the ends of all its
    /// messages, or not at all.
    ///
    /// Were single ones finished, those behind one that comes again would have no offset in the
    /// transaction: their outputs would be lost with it, or sent once more.
    pub(super) fn settle_as_one(
        &mut self,
        messages: &[ConsumerContext],
        failed: &BTreeMap<usize, HandlerError>,
        error: Option<HandlerError>,
        handling: &Handling,
        taken: &mut Taken,
    ) -> bool {
        if let Some(error) = error.as_ref().or_else(|| failed.values().next()) {
            handling.failed(error);
        }
        let is_retried = |(index, error): (&usize, &HandlerError)| {
            let message = &messages[*index];
            self.is_retried(message, error)
        };
        let error = match error {
            Some(error) => Some(error),
            None if failed.iter().any(is_retried) => None,
            None => match self.put_as_one(messages, failed) {
                Some(Put::Done) => return true,
                Some(Put::Refused(error)) => Some(error.into()),
                Some(Put::Lost) | None => return false,
            },
        };
        let mut left = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let due = &mut taken.due;
            let fate = match (failed.get(&index), &error) {
                (Some(own), _) if self.is_retried(message, own) => {
                    self.fails(message, own, false, due)
                }
                // The others may fail for as long as it is with them: it comes to its end before.
                (Some(_), Some(_)) => self.waits(message, true),
                // Its offset cannot be in a transaction before those of the earlier ones.
                (None, Some(shared)) if !left.is_empty() && self.is_put_off(message, shared) => {
                    self.waits(message, false)
                }
                (None, Some(shared)) => self.fails(message, shared, true, due),
                // It is handled, or given up, once all of the batch can come to their ends.
                (_, None) => self.waits(message, false),
            };
            match fate {
                Fate::Settled => {}
                Fate::Unsettled(message) => left.push(message),
                Fate::Stop => return false,
            }
        }
        taken.failed.splice(0..0, left);
        true
    }

    /// Sends what the handler did and the letters of those that failed, and finishes all; `None` when
    /// the worker stops.
    fn put_as_one(
        &mut self,
        messages: &[ConsumerContext],
        failed: &BTreeMap<usize, HandlerError>,
    ) -> Option<Put> {
        let mut letters = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let Some(error) = failed.get(&index) else {
                // In the order of the messages, as a breaker counts.
                if let Some(fuse) = &self.engine.fuse {
                    fuse.handled(1);
                }
                continue;
            };
            let (task, failures) = self.count_failure(message);
            match self.decide(&task, message.index(), failures, error, None) {
                Decision::Post(mut letter) => {
                    self.fit(&mut letter, &task, message.index());
                    let record = letter.record(&task.batch, message.index());
                    self.outputs.add(&record);
                    letters.push(letter.kind());
                }
                Decision::PassOver | Decision::Again(_) => {}
                Decision::Stop => return None,
            }
        }
        let finished = messages.iter().map(|message| message.finish(true));
        let put = self.end_all(messages.len(), finished);
        if let Put::Done = put {
            let handled = messages.len() - failed.len();
            self.partition.recorders.consumed.processed(handled as u64);
            letters.into_iter().for_each(|kind| self.tell_posted(kind));
        }
        Some(put)
    }

    /// Whether the message is to be handled again for this error.
    fn is_retried(&self, message: &ConsumerContext, error: &HandlerError) -> bool {
        let verdict = self.verdict(error, self.failures(message));
        matches!(verdict, Verdict::RetryAfter(_))
    }

    /// Whether it goes to a retry topic for it.
    fn is_put_off(&self, message: &ConsumerContext, error: &HandlerError) -> bool {
        self.verdict(error, self.failures(message)) == Verdict::PutOff
    }

    /// The message comes again, with others of its batch or `alone`, and has not failed by that.
    fn waits(&self, message: &ConsumerContext, alone: bool) -> Fate {
        Fate::Unsettled(Failed {
            task: Task::one(message.batch(), message.index()),
            failures: self.failures(message) - 1,
            alone,
            letter: None,
            again: None,
        })
    }
}
