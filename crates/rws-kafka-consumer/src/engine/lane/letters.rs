//! Letters of messages that are dead-lettered or moved to a retry topic.

use super::super::progress::Taken;
use super::super::shared::Engine;
use super::shift::{Shift, Step};
use crate::engine::letters::dead_letters::{DeadLetters, Posting};
use crate::engine::letters::letter::{Letter, LetterKind};
use crate::error::ConsumerError;
use crate::failure::dead_letter::{Provenance, origin_header};
use crate::handler::error::HandlerError;
use crate::partition::{Batch, Task};
use crate::retry::{self, Origin, Step as Next};
use rws_kafka_dispatch::{Outcome, Phase, StrandId, TopicPartition};
use rws_kafka_producer::ProducerError;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::task::{Wake, Waker};

impl Shift<'_> {
    /// Sends the letters that are to be sent, and checks those in flight.
    ///
    /// Breaks with `Posted` while letters are in flight, with `Later` if one was refused and will be sent
    /// again, and with `Dropped` if it cannot be. It breaks with `Yield` if one was delivered, so that
    /// strands of poison messages do not keep the lanes from others.
    pub(super) fn see_to_letters(&self, taken: &mut Taken) -> Step {
        let Some(letters) = self.engine.letters() else {
            return Continue(());
        };
        let (mut delivered, mut posted, mut refused, mut off) = (false, false, None, false);
        taken.failed.retain_mut(|failed| {
            let (Some(letter), Some(index)) = (&mut failed.letter, failed.task.first()) else {
                return true;
            };
            if !letter.is_on_its_way() {
                // The letter of a message that belongs to another consumer by now is not sent.
                off |= self.partition.phase() == Phase::Released;
                let waits = failed.at.filter(|at| *at > self.engine.clock.now());
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
                    failed.at = again.map(|again| self.engine.clock.after(again));
                    off |= again.is_none();
                    refused = refused.max(failed.at);
                }
            }
            true
        });
        match refused {
            _ if posted => Break(Outcome::Posted),
            _ if off => Break(Outcome::Dropped),
            Some(at) => Break(Outcome::Later(at)),
            None if delivered => Break(Outcome::Yield),
            None => Continue(()),
        }
    }

    pub(super) fn post(
        &self,
        letters: &DeadLetters,
        letter: &mut Letter,
        task: &Task,
        index: u32,
    ) -> Posting {
        let waker = Waker::from(Arc::new(Answer {
            engine: Arc::clone(self.engine),
            strand: self.strand,
        }));
        let posting = letters.poll(letter, &task.batch, index, &waker);
        if let Posting::Refused { error, again } = &posting {
            let offset = task.batch.offset(index);
            let error = letter.refused(&self.partition.name, offset, error.clone());
            self.engine.letter_refused(error, *again);
        }
        posting
    }

    /// Shortens the headers of a letter until they fit, if it is committed together with the offset of its
    /// message.
    pub(super) fn fit(&self, letter: &mut Letter, task: &Task, index: u32) {
        if let (Some(letters), Some(producer)) =
            (self.engine.letters(), self.engine.commits.producer())
        {
            letters.fit(letter, &task.batch, index, producer);
        }
    }

    /// The letter of a message that is dead-lettered; `None` without a queue.
    pub(super) fn dead_letter(
        &self,
        task: &Task,
        index: u32,
        attempts: u32,
        error: &HandlerError,
    ) -> Option<Letter> {
        let letters = self.engine.letters()?;
        let origin = self.origin(&task.batch, index);
        let queue = letters.queue()?.of(self.topic_of_origin());
        let provenance = self.provenance(&origin, attempts, error);
        let headers = letters.form().write(&provenance);
        let letter = Letter::to(queue, LetterKind::Dead, headers);
        let mut letter = letter.or_short(origin_header(&provenance));
        letter.leaves_retry_topic(self.is_retry());
        Some(letter)
    }

    /// The letter of a message that is delayed.
    pub(super) fn retry(
        &self,
        task: &Task,
        index: u32,
        attempts: u32,
        error: &HandlerError,
        next: &Next,
    ) -> Option<Letter> {
        let origin = self.origin(&task.batch, index);
        let provenance = self.provenance(&origin, attempts, error);
        let delay_ms = next.delay.as_millis() as i64;
        let due_ms = provenance.failed_at_ms.saturating_add(delay_ms);
        let headers = retry::write(&provenance, due_ms);
        let letter = Letter::to(&*next.topic, LetterKind::PutOff, headers);
        let mut letter = letter.or_short(retry::write_short(&provenance, due_ms));
        letter.leaves_retry_topic(self.is_retry());
        Some(letter)
    }

    /// Counts an acknowledged letter.
    pub(super) fn tell_posted(&self, kind: LetterKind) {
        match (kind, self.is_retry()) {
            (LetterKind::PutOff, _) => self.partition.recorders.consumed.put_off(),
            (LetterKind::Dead, false) => self.partition.recorders.consumed.dead_lettered(),
            (LetterKind::Dead, true) => self.recorder_of_origin().dead_lettered(),
        }
    }

    pub(super) fn tell_skipped(&self) {
        match self.is_retry() {
            true => self.recorder_of_origin().skipped(),
            false => self.partition.recorders.consumed.skipped(),
        }
    }

    fn topic_of_origin(&self) -> &str {
        self.rung
            .map_or(self.partition.name.topic(), |rung| &rung.origin)
    }

    fn recorder_of_origin(&self) -> rws_kafka_observe::ConsumedFrom {
        let metrics = self.engine.settings.observer.metrics();
        metrics.consumed_from(self.topic_of_origin(), self.engine.group())
    }

    pub(super) fn origin(&self, batch: &Batch, index: u32) -> Origin<'_> {
        let here = Origin {
            topic: self.partition.name.topic(),
            partition: self.partition.name.partition(),
            offset: batch.offset(index),
            timestamp: batch.timestamp(index),
            attempts: 0,
        };
        match self.rung {
            Some(rung) if rung.is_retry() => {
                here.read(&rung.origin, rung.level, batch.headers(index))
            }
            _ => here,
        }
    }

    fn provenance<'a>(
        &'a self,
        origin: &Origin<'a>,
        attempts: u32,
        error: &'a HandlerError,
    ) -> Provenance<'a> {
        Provenance {
            topic: origin.topic,
            partition: origin.partition,
            offset: origin.offset,
            timestamp: origin.timestamp,
            group: self.engine.group(),
            error,
            attempts,
            failed_at_ms: self.engine.clock.unix_ms(),
        }
    }
}

impl Letter {
    /// The error of a letter that was not delivered.
    pub(super) fn refused(
        &self,
        partition: &TopicPartition,
        offset: i64,
        error: ProducerError,
    ) -> ConsumerError {
        let (partition, source) = (partition.clone(), Box::new(error));
        match self.kind() {
            LetterKind::Dead => ConsumerError::DeadLetterRefused {
                partition,
                offset,
                source,
            },
            LetterKind::PutOff => ConsumerError::RetryRefused {
                partition,
                offset,
                topic: self.topic().to_owned(),
                source,
            },
        }
    }
}

/// Wakes a strand when the result of its letter is known.
struct Answer {
    engine: Arc<Engine>,
    strand: StrandId,
}

impl Wake for Answer {
    fn wake(self: Arc<Self>) {
        self.engine.scheduler.wake(self.strand);
    }
}
