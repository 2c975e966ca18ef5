//! Batches whose outputs and offsets are committed in one transaction.

use super::super::progress::{Failed, Taken};
use super::failing::Fate;
use super::handling::Handling;
use super::shift::{Shift, Step};
use crate::engine::commits::transactions::Put;
use crate::engine::letters::letter::LetterKind;
use crate::failure::policy::Verdict;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerError;
use rws_kafka_dispatch::Outcome;
use std::collections::BTreeMap;
use std::ops::ControlFlow::{Break, Continue};

impl Shift<'_> {
    /// Settles a batch in a transaction: its outputs are committed together with the offsets of all its
    /// messages, or not at all.
    ///
    /// If single messages were finished, those behind a retried one would have no offset in the transaction.
    /// Their outputs would be lost with it or sent twice.
    pub(super) fn settle_as_one(
        &mut self,
        messages: &[ConsumerContext],
        failed: &BTreeMap<usize, HandlerError>,
        error: Option<HandlerError>,
        handling: &Handling,
        taken: &mut Taken,
    ) -> Step {
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
                Some(Put::Done) => return Continue(()),
                Some(Put::Refused(error)) => Some(error.into()),
                Some(Put::Lost) | None => return Break(Outcome::Dropped),
            },
        };
        let mut left = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let mut failing = self.failed_before(message);
            let fate = match (failed.get(&index), &error) {
                (Some(own), _) if self.is_retried(message, own) => {
                    self.fails(&mut failing, own, false)
                }
                // The others may still fail while it is with them, so it is handled before them, alone.
                (Some(_), Some(_)) => {
                    failing.alone = true;
                    Fate::Waits
                }
                // Its offset cannot be in a transaction before those of the earlier messages.
                (None, Some(shared)) if !left.is_empty() && self.is_put_off(message, shared) => {
                    Fate::Waits
                }
                (None, Some(shared)) => self.fails(&mut failing, shared, true),
                // It is finished once all messages of the batch can be.
                (_, None) => Fate::Waits,
            };
            match fate {
                Fate::Over => {}
                Fate::Waits => left.push(failing),
                Fate::Dropped => return Break(Outcome::Dropped),
            }
        }
        taken.failed.splice(0..0, left);
        Continue(())
    }

    /// Puts the outputs and the letters of the failed messages into the transaction, and finishes all.
    /// Returns `None` if the worker stops.
    fn put_as_one(
        &mut self,
        messages: &[ConsumerContext],
        failed: &BTreeMap<usize, HandlerError>,
    ) -> Option<Put> {
        let mut letters = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let Some(error) = failed.get(&index) else {
                // In the order of the messages, as the breaker counts them.
                if let Some(fuse) = &self.engine.fuse {
                    fuse.handled(1);
                }
                continue;
            };
            let mut failed = self.failed_before(message);
            self.fails_once_more(&mut failed);
            match self.decide(&mut failed, message.index(), error, None) {
                Fate::Over => {}
                Fate::Waits => letters.extend(self.add_letter(&mut failed)),
                Fate::Dropped => return None,
            }
        }
        let finish = || {
            messages.iter().for_each(|message| {
                message.finish(true);
            });
        };
        let put = self.end_batch(messages.len(), finish);
        if let Put::Done = put {
            let handled = messages.len() - failed.len();
            self.partition.recorders.consumed.processed(handled as u64);
            letters.into_iter().for_each(|kind| self.tell_posted(kind));
        }
        Some(put)
    }

    /// Returns `true` if the message is to be retried after this error.
    fn is_retried(&self, message: &ConsumerContext, error: &HandlerError) -> bool {
        let verdict = self.verdict(error, self.failures(message));
        matches!(verdict, Verdict::RetryAfter(_))
    }

    /// Returns `true` if the message moves to a retry topic after this error.
    fn is_put_off(&self, message: &ConsumerContext, error: &HandlerError) -> bool {
        self.verdict(error, self.failures(message)) == Verdict::PutOff
    }

    /// Adds the letter of a message to the outputs of the batch. Returns its kind.
    fn add_letter(&mut self, failed: &mut Failed) -> Option<LetterKind> {
        let (mut letter, index) = (failed.letter.take()?, failed.task.first()?);
        self.fit(&mut letter, &failed.task, index);
        self.outputs.add(&letter.record(&failed.task.batch, index));
        Some(letter.kind())
    }
}
