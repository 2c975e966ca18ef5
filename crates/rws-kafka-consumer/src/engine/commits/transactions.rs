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

/// How often a lane that waits for the next transaction checks whether there will be one.
const LOOK: Duration = Duration::from_millis(50);

/// A sequence of Kafka transactions that contain the outputs of handlers and the offsets of their messages.
///
/// A handler's outputs are buffered until it has returned `Ok`. They are then put into the open transaction,
/// and its message is marked as finished, in one step. A handler that fails therefore leaves nothing to
/// abort, and a slow one holds no transaction open. Whenever no lane is inside a [`put`](Self::put), the
/// outputs and the finished offsets match.
pub(crate) struct Transactions {
    producer: TransactionalProducer,
    max_messages: usize,
    most_output_bytes: usize,
    /// The age at which a transaction is committed, unless it is urgent.
    interval: Duration,
    /// `None` during a commit and while none can begin. Lanes hold the read lock during a put.
    open: RwLock<Option<Transaction>>,
    /// The number of the open transaction, or of the last one.
    number: AtomicU64,
    /// The partitions with outputs or finished messages in it.
    touched: Mutex<Vec<Arc<Partition>>>,
    /// The number of messages in it.
    messages: AtomicUsize,
    /// `true` if it contains outputs.
    has_outputs: AtomicBool,
    /// `true` if it contains outputs of an unfinished message, or if the broker has failed it.
    broken: AtomicBool,
    /// The time at which it began.
    begun: Mutex<Instant>,
    /// `true` if it is to be committed whatever its age.
    urgent: AtomicBool,
    /// The number of failures to begin one, in a row.
    failed_begins: AtomicU32,
    /// `true` if no further one will begin.
    ended: AtomicBool,
    turn: Mutex<()>,
    changed: Condvar,
}

/// The pause after a transaction could not begin. It doubles each time, up to the longest.
const BEGIN_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_BEGIN_PAUSE: Duration = Duration::from_secs(4);

/// The reactions of a worker to its transactions.
pub(crate) trait TransactionEvents {
    /// A transaction has begun.
    fn begun(&self);

    /// No transaction could begin. Returns after `pause`, or when the worker stops.
    fn could_not_begin(&self, error: &ProducerError, pause: Duration);

    /// The open transaction is to be committed whatever its age.
    fn commit_now(&self);

    /// A lane is about to wait for the next transaction, for the `tries`-th time with the same messages.
    fn waits(&self, tries: usize);

    /// The broker has committed a transaction.
    fn committed(&self);

    /// An error after which the worker tries again.
    fn troubled(&self, error: ConsumerError);

    /// An error that ends the worker.
    fn failed(&self, error: ConsumerError);
}

/// The result of a round.
pub(crate) enum Round {
    /// The open transaction continues.
    GoesOn,
    /// No transaction is open.
    Over(Result<(), ConsumerError>),
    /// The transaction was aborted: these partitions must be read again.
    Lost(Vec<Arc<Partition>>, ConsumerError),
}

/// The result of putting messages into a transaction.
pub(crate) enum Put {
    Done,
    /// The partition belongs to another consumer, or is to be read again.
    Lost,
    /// An output cannot be sent. The transaction contains none of the outputs.
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
            // Differs from the number of a partition that was never touched.
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

    /// The maximum size of an output. A letter may be as large as its message.
    pub(crate) fn most_output_bytes(&self) -> usize {
        self.most_output_bytes
    }

    /// Puts the outputs of `messages` messages into the open transaction and finishes them. Waits while no
    /// transaction is open.
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
                // The end of a transaction cannot release the partition meanwhile: it waits for the lanes.
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

    /// Commits the open transaction if it is not empty and it is time to. Another one must
    /// [`begin`](Self::begin) then. Runs on the commit thread only.
    pub(crate) fn end_open<G: Group>(
        &self,
        events: &impl TransactionEvents,
        group: impl FnOnce() -> Option<G>,
    ) -> Round {
        if self.is_ended() {
            return Round::GoesOn;
        }
        let is_broken = || self.broken.load(Ordering::Acquire);
        // Before the close: this commit includes everything that was finished before the request.
        let is_urgent = self.urgent.swap(false, Ordering::AcqRel);
        let is_young = || self.begun.lock().elapsed() < self.interval;
        let may_wait = || self.touched.lock().is_empty() || (!is_urgent && is_young());
        if self.is_open() && !is_broken() && may_wait() {
            return Round::GoesOn;
        }
        // From here on, no lane is inside a put or begins one.
        let Some(transaction) = self.close() else {
            return Round::Over(Ok(()));
        };
        // Read before the partitions are checked: if the group changes in between, the broker refuses the
        // offsets, because they carry the old generation.
        let group = group();
        let touched = std::mem::take(&mut *self.touched.lock());
        let given_up = |reason| Err(ConsumerError::TransactionGivenUp { reason });
        // Dropping a transaction aborts it.
        let result = match (offsets(&touched), group) {
            _ if is_broken() => {
                drop(transaction);
                given_up("only some of a handler's outputs were accepted")
            }
            (Some(offsets), _) if offsets.is_empty() => {
                drop(transaction);
                // Without outputs the messages can have their offsets in a later one.
                match self.has_outputs.load(Ordering::Relaxed) {
                    false => Ok(()),
                    true => given_up("it contains outputs without an offset to commit"),
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
                given_up("a partition or the membership in the group was lost")
            }
        };
        match result {
            Ok(()) => Round::Over(Ok(())),
            Err(error) => {
                // Before another transaction begins, so that none of their messages gets into it.
                for partition in &touched {
                    partition.advance(Phase::Released);
                }
                Round::Lost(touched, error)
            }
        }
    }

    /// Makes the next round commit the open transaction whatever its age. Otherwise a round that takes longer
    /// than the `commit_interval` would be followed by one for almost nothing.
    pub(crate) fn hurry(&self) {
        self.urgent.store(true, Ordering::Release);
    }

    /// Ends all transactions after this one, and wakes the waiting lanes.
    pub(crate) fn end(&self) {
        let turn = self.turn.lock();
        self.ended.store(true, Ordering::Release);
        drop(turn);
        self.changed.notify_all();
    }

    /// Aborts the open transaction and closes the producer. Called on the commit thread, when it has ended.
    pub(crate) fn close_producer(&self) {
        self.end();
        drop(self.close());
        let _ = self.producer.close(Duration::ZERO);
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// The cause of a failure; the next round tries again.
    pub(crate) fn begin(&self, events: &impl TransactionEvents) -> Result<(), ConsumerError> {
        if self.is_ended() {
            return Ok(());
        }
        let transaction = self.producer.begin().map_err(|error| {
            // Each try creates a producer, so an immediate refusal, such as a missing permission, must not be
            // retried without a pause.
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

    /// Decides about messages whose outputs were not all put into the transaction. `None` means to try again,
    /// in another transaction or when there is room.
    fn unsent(&self, events: &impl TransactionEvents, unsent: Unsent) -> Option<Put> {
        let (error, is_partial) = match unsent {
            Unsent::Nothing(error) => (error, false),
            Unsent::Rest(error) => (error, true),
        };
        // The commit reports why the transaction is broken.
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
            // Another attempt would end the same way.
            self.refused(events, error);
            return Some(Put::Lost);
        }
        Some(Put::Refused(error))
    }

    /// Ends the worker if the failure is permanent, and converts the error.
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

    /// Ends the worker because the broker can never accept an output.
    fn refused(&self, events: &impl TransactionEvents, error: ProducerError) -> ConsumerError {
        self.end();
        let error = ConsumerError::OutputRefused(Box::new(error));
        events.failed(error.clone());
        error
    }

    /// Takes the lock only once for each partition and transaction.
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
            // The caller checks after each wait whether the partition is still assigned.
            self.changed.wait_for(&mut turn, LOOK);
        }
    }
}

/// How many of a message's outputs are in the transaction: none, or only some.
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

/// Returns `true` if another attempt would end the same way.
fn is_of_the_message(error: &ProducerError) -> bool {
    matches!(
        error,
        ProducerError::MessageTooLarge { .. }
            | ProducerError::UnknownTopic { .. }
            | ProducerError::UnknownPartition { .. }
            | ProducerError::NotAuthorized { .. }
    )
}

/// The finished offset of each partition; `None` if one of them was released, because its outputs are in the
/// transaction.
fn offsets(touched: &[Arc<Partition>]) -> Option<Offsets> {
    let mut offsets = Offsets::with_capacity(touched.len());
    for partition in touched {
        // A partition that is released after this check has both its outputs and its offset in the
        // transaction.
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
        // Messages in flight may still finish and be committed.
        partitions[1].advance(Phase::Draining);
        assert_eq!(found(&partitions), Some(vec![11, 12]));
        partitions[1].advance(Phase::Released);
        assert_eq!(found(&partitions), None);
        assert_eq!(found(&partitions[..1]), Some(vec![11]));
    }
}
