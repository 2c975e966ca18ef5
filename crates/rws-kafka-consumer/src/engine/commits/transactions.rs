use super::committer::Offsets;
use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::transport::Group;
use parking_lot::{Condvar, Mutex, RwLock};
use rws_kafka_dispatch::Phase;
use rws_kafka_producer::{ProducerError, RecordBuffer, Transaction, TransactionalProducer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How soon who waits for the next transaction sees that there will be none.
const LOOK: Duration = Duration::from_millis(50);

/// Kafka transactions, one after the other: what handlers send, and the offsets of their messages.
///
/// A handler's outputs are kept until it has returned `Ok`, and are then put into the open
/// transaction together with the word that its message is finished. So a handler that fails leaves
/// nothing to be aborted, one that takes long holds no transaction open, and whenever no lane is in
/// the middle of a [`put`](Self::put) the outputs and the finished offsets match.
pub(crate) struct Transactions {
    producer: TransactionalProducer,
    max_messages: usize,
    most_output_bytes: usize,
    /// How old one gets where nobody is in a hurry.
    interval: Duration,
    /// None while one is committed, or cannot begin. Lanes hold it for reading while they put.
    open: RwLock<Option<Transaction>>,
    /// Of the open transaction, or of the last.
    number: AtomicU64,
    /// The partitions that have outputs, or finished messages, in it.
    touched: Mutex<Vec<Arc<Partition>>>,
    /// Messages in it.
    messages: AtomicUsize,
    /// Something goes out with it.
    has_outputs: AtomicBool,
    /// It has outputs of a message that is not finished, or was broken by the broker.
    broken: AtomicBool,
    /// When it began.
    begun: Mutex<Instant>,
    /// It is to be committed however young it is.
    urgent: AtomicBool,
    /// How often in a row none could begin.
    failed_begins: AtomicU32,
    /// No other one will begin.
    ended: AtomicBool,
    turn: Mutex<()>,
    changed: Condvar,
}

/// The pause after a transaction could not begin; twice as long each time, up to the longest.
const BEGIN_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_BEGIN_PAUSE: Duration = Duration::from_secs(4);

/// What a worker does about its transactions.
pub(crate) trait TransactionEvents {
    /// One has begun.
    fn begun(&self);

    /// None could begin. Returns after `pause`, or when the worker stops.
    fn could_not_begin(&self, error: &ProducerError, pause: Duration);

    /// The open one is to be committed however young it is.
    fn commit_now(&self);

    /// A lane is about to wait for the next one, for the `tries`-th time with the same messages.
    fn waits(&self, tries: usize);

    /// The broker has taken one.
    fn committed(&self);

    /// Something failed that is tried again.
    fn troubled(&self, error: ConsumerError);

    /// Something failed that ends the worker.
    fn failed(&self, error: ConsumerError);
}

/// What a round came to.
pub(crate) enum Round {
    /// The open transaction goes on.
    GoesOn,
    /// None is open.
    Over(Result<(), ConsumerError>),
    /// It is aborted: what these partitions had in it is to be read again.
    Lost(Vec<Arc<Partition>>, ConsumerError),
}

/// What became of a message that was put into a transaction.
pub(crate) enum Put {
    Done,
    /// Its partition is someone else's, or is read again from before it.
    Lost,
    /// The message has an output that cannot be sent. Nothing of it is in the transaction.
    Refused(ProducerError),
}

impl Transactions {
    pub(crate) fn new(
        producer: TransactionalProducer,
        max_messages: usize,
        most_output_bytes: usize,
        interval: Duration,
    ) -> Self {
        Self {
            producer,
            max_messages,
            most_output_bytes,
            interval,
            open: RwLock::default(),
            // Of no partition that was never touched.
            number: AtomicU64::new(1),
            touched: Mutex::default(),
            messages: AtomicUsize::new(0),
            has_outputs: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            begun: Mutex::new(Instant::now()),
            urgent: AtomicBool::new(false),
            failed_begins: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            turn: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn producer(&self) -> &TransactionalProducer {
        &self.producer
    }

    /// Most bytes of what a handler sends; a letter may have as many as the message that it is of.
    pub(crate) fn most_output_bytes(&self) -> usize {
        self.most_output_bytes
    }

    /// Puts what `messages` have led to into the open transaction, and finishes them; waits while
    /// there is none.
    pub(crate) fn put(
        &self,
        events: &impl TransactionEvents,
        partition: &Arc<Partition>,
        outputs: &RecordBuffer,
        messages: usize,
        finish: impl FnOnce(),
    ) -> Put {
        let mut tries = 0;
        loop {
            let number = {
                let open = self.open.read();
                let number = self.number.load(Ordering::Acquire);
                // No partition is released under a lane's feet by a transaction's end: that waits
                // for the lanes.
                if partition.phase() == Phase::Released || self.is_ended() {
                    return Put::Lost;
                }
                if let Some(transaction) = &*open
                    && !self.broken.load(Ordering::Acquire)
                {
                    self.touch(partition, number);
                    match send(transaction, outputs) {
                        Ok(()) => {
                            finish();
                            if !outputs.is_empty() {
                                self.has_outputs.store(true, Ordering::Relaxed);
                            }
                            self.count(events, messages);
                            return Put::Done;
                        }
                        Err(unsent) => {
                            if let Some(put) = self.unsent(events, unsent) {
                                return put;
                            }
                        }
                    }
                }
                number
            };
            tries += 1;
            events.waits(tries);
            self.wait_for_another_than(number);
        }
    }

    /// Commits the open transaction where there is something in it and it is time to; another one is then
    /// to [`begin`](Self::begin). Runs on the commit thread only.
    pub(crate) fn end_open<G: Group>(
        &self,
        events: &impl TransactionEvents,
        group: impl FnOnce() -> Option<G>,
    ) -> Round {
        if self.is_ended() {
            return Round::GoesOn;
        }
        let is_broken = || self.broken.load(Ordering::Acquire);
        // Before the close: what was finished before someone was in a hurry is in this commit.
        let is_urgent = self.urgent.swap(false, Ordering::AcqRel);
        let is_young = || self.begun.lock().elapsed() < self.interval;
        let may_wait = || self.touched.lock().is_empty() || (!is_urgent && is_young());
        if self.is_open() && !is_broken() && may_wait() {
            return Round::GoesOn;
        }
        // From here on no lane is in the middle of a put, and none begins one.
        let Some(transaction) = self.close() else {
            return Round::Over(Ok(()));
        };
        // Before the look at who owns what: should the group change in between, the broker refuses
        // the offsets by what the group was before.
        let group = group();
        let touched = std::mem::take(&mut *self.touched.lock());
        let given_up = |reason| Err(ConsumerError::TransactionGivenUp { reason });
        // A transaction that is dropped is aborted.
        let result = match (offsets(&touched), group) {
            _ if is_broken() => {
                drop(transaction);
                given_up("only a part of what a handler sent was taken")
            }
            (Some(offsets), _) if offsets.is_empty() => {
                drop(transaction);
                // A message that nothing goes out for has its offset in a later one.
                match self.has_outputs.load(Ordering::Relaxed) {
                    false => Ok(()),
                    true => given_up("what was sent in it has no offset"),
                }
            }
            (Some(offsets), Some(group)) => group
                .commit(transaction, &offsets)
                .map(|()| {
                    for (partition, offset) in &offsets {
                        partition.acked(*offset);
                    }
                    events.committed();
                })
                .map_err(|error| self.failed(events, error)),
            _ => {
                drop(transaction);
                given_up("a partition, or the place in the group, was lost")
            }
        };
        match result {
            Ok(()) => Round::Over(Ok(())),
            Err(error) => {
                // Before another one begins: nothing of them may get into it.
                for partition in &touched {
                    partition.advance(Phase::Released);
                }
                Round::Lost(touched, error)
            }
        }
    }

    /// The next round commits the open transaction, however young that is. A round that takes longer
    /// than the `commit_interval` would else be followed by one for next to nothing.
    pub(crate) fn hurry(&self) {
        self.urgent.store(true, Ordering::Release);
    }

    /// Begins no other transaction; lanes are told so.
    pub(crate) fn end(&self) {
        let turn = self.turn.lock();
        self.ended.store(true, Ordering::Release);
        drop(turn);
        self.changed.notify_all();
    }

    /// Gives up what is open, and closes the producer. On the commit thread, when it has ended.
    pub(crate) fn close_producer(&self) {
        self.end();
        drop(self.close());
        let _ = self.producer.close(Duration::ZERO);
    }

    /// # Errors
    ///
    /// Why none has begun; the next round tries again.
    pub(crate) fn begin(&self, events: &impl TransactionEvents) -> Result<(), ConsumerError> {
        if self.is_ended() {
            return Ok(());
        }
        let transaction = self.producer.begin().map_err(|error| {
            // One that is refused at once, such as for want of a permission, is not asked for all the
            // time: each try is a new producer.
            let failures = self.failed_begins.fetch_add(1, Ordering::Relaxed);
            let pause = LONGEST_BEGIN_PAUSE.min(BEGIN_PAUSE * 2_u32.pow(failures.min(4)));
            let failed = self.failed(events, error.clone());
            events.could_not_begin(&error, pause);
            failed
        })?;
        self.failed_begins.store(0, Ordering::Relaxed);
        events.begun();
        let mut open = self.open.write();
        self.messages.store(0, Ordering::Relaxed);
        self.has_outputs.store(false, Ordering::Relaxed);
        self.broken.store(false, Ordering::Release);
        *self.begun.lock() = Instant::now();
        let turn = self.turn.lock();
        self.number.fetch_add(1, Ordering::AcqRel);
        *open = Some(transaction);
        drop((turn, open));
        self.changed.notify_all();
        Ok(())
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn is_open(&self) -> bool {
        let open = self.open.read();
        open.is_some()
    }

    fn close(&self) -> Option<Transaction> {
        let mut open = self.open.write();
        open.take()
    }

    /// What comes of a message whose outputs did not all get into the transaction; `None` when it is
    /// tried again in another one, or when there is room.
    fn unsent(&self, events: &impl TransactionEvents, unsent: Unsent) -> Option<Put> {
        let (error, is_partial) = match unsent {
            Unsent::Nothing(error) => (error, false),
            Unsent::Rest(error) => (error, true),
        };
        // Why a transaction is broken, its commit tells.
        let breaks = error.must_abort() || error.is_fatal();
        if is_partial && !breaks {
            self.broken.store(true, Ordering::Release);
        }
        if breaks || is_partial {
            events.commit_now();
        }
        if breaks || error.is_retriable() {
            events.troubled(ConsumerError::Transaction(Box::new(error)));
            return None;
        }
        if is_partial {
            // Again and again it would be the same.
            self.refused(events, error);
            return Some(Put::Lost);
        }
        Some(Put::Refused(error))
    }

    /// What a failure means for the worker.
    fn failed(&self, events: &impl TransactionEvents, error: ProducerError) -> ConsumerError {
        if let ProducerError::Fenced { .. } | ProducerError::Closed = error {
            self.end();
            let error = ConsumerError::Fenced(Box::new(error));
            events.failed(error.clone());
            return error;
        }
        if let ProducerError::TransactionAborted {
            source: Some(output),
            ..
        } = &error
            && is_of_the_message(output)
        {
            return self.refused(events, (**output).clone());
        }
        ConsumerError::Transaction(Box::new(error))
    }

    /// An output that no attempt will bring to the broker.
    fn refused(&self, events: &impl TransactionEvents, error: ProducerError) -> ConsumerError {
        self.end();
        let error = ConsumerError::OutputRefused(Box::new(error));
        events.failed(error.clone());
        error
    }

    /// Once for each partition and transaction there is a lock to take.
    fn touch(&self, partition: &Arc<Partition>, number: u64) {
        if partition.joins(number) {
            self.touched.lock().push(Arc::clone(partition));
        }
    }

    fn count(&self, events: &impl TransactionEvents, messages: usize) {
        let before = self.messages.fetch_add(messages, Ordering::Relaxed);
        if before < self.max_messages && before + messages >= self.max_messages {
            events.commit_now();
        }
    }

    fn wait_for_another_than(&self, number: u64) {
        let mut turn = self.turn.lock();
        let is_same =
            || self.number.load(Ordering::Acquire) == number && !self.ended.load(Ordering::Acquire);
        if is_same() {
            // Whether the partition is still ours is seen to after each look.
            self.changed.wait_for(&mut turn, LOOK);
        }
    }
}

/// How far a message's outputs came.
enum Unsent {
    Nothing(ProducerError),
    Rest(ProducerError),
}

fn send(transaction: &Transaction, outputs: &RecordBuffer) -> Result<(), Unsent> {
    for (number, record) in outputs.iter().enumerate() {
        transaction.send_record(record).map_err(|error| {
            if number == 0 {
                Unsent::Nothing(error)
            } else {
                Unsent::Rest(error)
            }
        })?;
    }
    Ok(())
}

/// Whether another attempt would end the same way.
fn is_of_the_message(error: &ProducerError) -> bool {
    matches!(
        error,
        ProducerError::MessageTooLarge { .. }
            | ProducerError::UnknownTopic { .. }
            | ProducerError::UnknownPartition { .. }
            | ProducerError::NotAuthorized { .. }
    )
}

/// Up to where each partition is finished; `None` when one of them is no longer ours, with its
/// outputs in the transaction.
fn offsets(touched: &[Arc<Partition>]) -> Option<Offsets> {
    let mut offsets = Offsets::with_capacity(touched.len());
    for partition in touched {
        // In one look: a partition that goes after it is in both, outputs and offsets.
        if partition.phase() == Phase::Released {
            return None;
        }
        let offset = partition.tracker().to_commit_with_outputs();
        offsets.extend(offset.map(|offset| (Arc::clone(partition), offset)));
    }
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition;

    fn partition(number: i32) -> Arc<Partition> {
        let partition = partition::partition(number as u64, number);
        (10..15).for_each(|offset| partition.tracker().push(offset, 1));
        Arc::new(partition)
    }

    #[test]
    fn a_transaction_with_outputs_of_a_partition_that_is_gone_has_no_offsets() {
        let partitions = [1, 2, 3].map(partition);
        partitions[0].finish(0, true);
        partitions[1].finish(0, true);
        partitions[1].finish(1, true);
        let found = |partitions: &[Arc<Partition>]| {
            let offsets = offsets(partitions)?;
            Some(
                offsets
                    .iter()
                    .map(|(_, offset)| *offset)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(found(&partitions), Some(vec![11, 12]));
        // What it has in hand may finish and be committed.
        partitions[1].advance(Phase::Draining);
        assert_eq!(found(&partitions), Some(vec![11, 12]));
        partitions[1].advance(Phase::Released);
        assert_eq!(found(&partitions), None);
        assert_eq!(found(&partitions[..1]), Some(vec![11]));
    }
}
