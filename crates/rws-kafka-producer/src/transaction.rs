use crate::client::{Offsets, StepFailure};
use crate::error::{ProducerError, TransactionStep};
use crate::producer::KafkaProducer;
use crate::record::{HeaderValue, Record};
use crate::turns::{Present, Turns};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rws_kafka_client::Deadline;
use rws_kafka_observe::causes::with_causes;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// The pause before a retriable step is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// An open transaction: consumers see all of its messages, or none; see
/// [`TransactionalProducer`](crate::TransactionalProducer).
///
/// Threads may share it. Call [`commit`](Self::commit) or [`abort`](Self::abort) to end it. Dropping it
/// aborts it, and blocks for up to the [`transaction_timeout`](crate::ProducerConfig::transaction_timeout)
/// until the broker answers.
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction {
    turns: Arc<Turns>,
    producer: KafkaProducer,
    /// When the first message was sent: the broker's timeout starts at about the same time.
    begun: OnceLock<Instant>,
    over: bool,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

impl Transaction {
    /// Creates a transaction that has its turn and whose `producer` is ready for it.
    pub(crate) fn new(turns: &Arc<Turns>, producer: KafkaProducer) -> Self {
        Self {
            turns: Arc::clone(turns),
            producer,
            begun: OnceLock::new(),
            over: false,
            #[cfg(feature = "registry")]
            registry: None,
        }
    }

    #[cfg(feature = "registry")]
    pub(crate) fn with_registry(
        mut self,
        registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
    ) -> Self {
        self.registry = registry;
        self
    }

    /// Sends `payload` to `topic` in this transaction, as [`KafkaProducer::send`].
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::send`], [`TransactionBroken`](ProducerError::TransactionBroken) after a message of
    /// the transaction was not delivered, and [`Fatal`](ProducerError::Fatal) after the client has failed.
    pub fn send(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), ProducerError> {
        self.send_record(Record::to(topic).payload(payload.as_ref()))
    }

    /// Sends `payload` with a key in this transaction, as [`KafkaProducer::send_keyed`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_keyed(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), ProducerError> {
        let record = Record::to(topic).key(key.as_ref());
        self.send_record(record.payload(payload.as_ref()))
    }

    /// Sends `payload` with a key and headers in this transaction, as [`KafkaProducer::send_with_headers`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`InvalidHeader`](ProducerError::InvalidHeader).
    pub fn send_with_headers<N, V>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), ProducerError>
    where
        N: AsRef<str>,
        V: HeaderValue,
    {
        self.begin_the_clock();
        self.producer
            .send_with_headers(topic, key, payload, headers)
    }

    /// Sends a [`Record`] in this transaction, as [`KafkaProducer::send_record`].
    ///
    /// # Errors
    ///
    /// As [`send_with_headers`](Self::send_with_headers).
    pub fn send_record(&self, record: Record<'_>) -> Result<(), ProducerError> {
        self.begin_the_clock();
        self.producer.send_record(record)
    }

    /// Commits the transaction: waits until all messages are acknowledged, and makes them visible to
    /// consumers.
    ///
    /// Takes up to the [`transaction_timeout`](crate::ProducerConfig::transaction_timeout). If it fails, the
    /// transaction is aborted, which may take as long again.
    ///
    /// # Errors
    ///
    /// - [`TransactionAborted`](ProducerError::TransactionAborted) if no message becomes visible: a message
    ///   was not delivered, or the broker had aborted the transaction because it took too long.
    /// - [`CommitUnknown`](ProducerError::CommitUnknown) if the broker did not answer: either all messages
    ///   become visible, or none.
    /// - [`Fenced`](ProducerError::Fenced).
    pub fn commit(self) -> Result<(), ProducerError> {
        self.commit_with(None)
    }

    /// Commits the transaction together with the offsets of a consumer, both or neither (KIP-98).
    ///
    /// The consumer must use the same version of rdkafka. `group` is its `group_metadata`: the broker checks
    /// it, so that a member that has lost its partitions cannot commit (KIP-447).
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    #[doc(hidden)]
    pub fn commit_with_offsets(
        self,
        list: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), ProducerError> {
        self.commit_with(Some(Offsets { list, group }))
    }

    /// Aborts the transaction: none of its messages become visible to consumers, whatever this returns.
    ///
    /// # Errors
    ///
    /// [`TransactionTimedOut`](ProducerError::TransactionTimedOut) if the broker does not answer; the next
    /// transaction then waits for the abort. [`Fenced`](ProducerError::Fenced) if another producer has taken
    /// over the transactional id.
    pub fn abort(mut self) -> Result<(), ProducerError> {
        self.roll_back()
    }

    fn commit_with(mut self, offsets: Option<Offsets<'_>>) -> Result<(), ProducerError> {
        self.begin_the_clock();
        let timeout = self.turns.timeout();
        let until = Deadline::after(timeout);
        if let Some(offsets) = offsets {
            self.step(TransactionStep::SendOffsets, until, |tx, time| {
                tx.producer
                    .publisher()
                    .client()
                    .send_offsets(&offsets, time)
            })?;
        }
        let undelivered = self.producer.publisher().flush(until.remaining());
        if undelivered > 0 {
            let detail = format!("{undelivered} messages were not acknowledged within {timeout:?}");
            return Err(self.give_up(TransactionStep::Commit, detail));
        }
        self.step(TransactionStep::Commit, until, |tx, time| {
            tx.producer.publisher().client().commit_transaction(time)
        })?;
        let producer = self.producer.clone();
        self.end(Present::Ready(producer));
        Ok(())
    }

    /// Takes a step, and repeats it while its failure is retriable. Any other failure ends the transaction.
    fn step(
        &mut self,
        step: TransactionStep,
        until: Deadline,
        take: impl Fn(&Self, Duration) -> Result<(), StepFailure>,
    ) -> Result<(), ProducerError> {
        loop {
            let Err(failure) = take(self, until.remaining()) else {
                return Ok(());
            };
            return Err(match failure {
                StepFailure::Retriable(_) if !until.has_passed() => {
                    thread::sleep(PAUSE.min(until.remaining()));
                    continue;
                }
                StepFailure::Retriable(detail) | StepFailure::Fatal(detail)
                    if step == TransactionStep::Commit =>
                {
                    self.end(Present::Lost);
                    ProducerError::CommitUnknown {
                        id: self.turns.id().to_owned(),
                        within: self.turns.timeout(),
                        detail,
                    }
                }
                StepFailure::Fenced(detail) => self.fenced(step, detail),
                // A request that arrives late must not affect the next transaction: a new client has a new
                // epoch.
                StepFailure::Fatal(detail) | StepFailure::Unanswered(detail) => {
                    let source = self.producer.publisher().deliveries().take_failure();
                    self.end(Present::Lost);
                    self.aborted(step, detail, source)
                }
                StepFailure::Retriable(detail)
                | StepFailure::MustAbort(detail)
                | StepFailure::Refused(detail) => self.give_up(step, detail),
            });
        }
    }

    /// Handles another epoch at the coordinator: the coordinator itself may have ended this transaction after
    /// its timeout; otherwise another producer has taken over the id.
    fn fenced(&mut self, step: TransactionStep, detail: String) -> ProducerError {
        let begun = self.begin_the_clock();
        if !self.turns.has_outlived(begun) {
            let error = self.turns.fenced(detail);
            self.end(Present::Over(error.clone()));
            return error;
        }
        self.end(Present::Lost);
        let (open, timeout) = (begun.elapsed(), self.turns.timeout());
        let detail = format!("it was open for {open:?}, longer than {timeout:?}: {detail}");
        self.aborted(step, detail, None)
    }

    fn give_up(&mut self, step: TransactionStep, detail: String) -> ProducerError {
        // Before the abort, which makes all messages fail.
        let source = self.producer.publisher().deliveries().take_failure();
        match self.roll_back() {
            Err(error @ ProducerError::Fenced { .. }) => error,
            // It is aborted before the next transaction begins.
            Ok(()) | Err(_) => self.aborted(step, detail, source),
        }
    }

    fn aborted(
        &self,
        step: TransactionStep,
        detail: String,
        source: Option<ProducerError>,
    ) -> ProducerError {
        ProducerError::TransactionAborted {
            id: self.turns.id().to_owned(),
            step,
            detail,
            source: source.map(Box::new),
        }
    }

    fn roll_back(&mut self) -> Result<(), ProducerError> {
        let publisher = self.producer.publisher();
        publisher.deliveries().aborting(true);
        let result = publisher.client().abort_transaction(self.turns.timeout());
        match result {
            Ok(()) => {
                let producer = self.producer.clone();
                self.end(Present::Ready(producer));
                Ok(())
            }
            Err(StepFailure::Retriable(detail)) => {
                let step = TransactionStep::Abort;
                let error = self
                    .turns
                    .timed_out(self.producer.publisher(), step, detail);
                let (producer, begun) = (self.producer.clone(), self.begin_the_clock());
                self.end(Present::Unaborted(producer, begun));
                Err(error)
            }
            Err(StepFailure::Fenced(detail)) => {
                match self.fenced(TransactionStep::Abort, detail) {
                    // The caller asked for an abort.
                    ProducerError::TransactionAborted { .. } => Ok(()),
                    error => Err(error),
                }
            }
            // Initialising the next client aborts it.
            Err(
                StepFailure::Fatal(_)
                | StepFailure::MustAbort(_)
                | StepFailure::Unanswered(_)
                | StepFailure::Refused(_),
            ) => {
                self.end(Present::Lost);
                Ok(())
            }
        }
    }

    fn begin_the_clock(&self) -> Instant {
        *self.begun.get_or_init(Instant::now)
    }

    fn end(&mut self, present: Present) {
        self.over = true;
        self.turns.give_turn(Some(present));
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.over
            && let Err(error) = self.roll_back()
        {
            tracing::warn!(target: "rws_kafka", "a transaction was aborted on drop: {}", with_causes(&error));
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("transactional_id", &self.turns.id())
            .finish_non_exhaustive()
    }
}
