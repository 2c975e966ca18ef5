use super::fault::SendFault;
use super::record::SentRecord;
use super::sent::{Held, Sent};
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::record::Record;
use crate::token::Token;
use crate::transport::{Enqueue, Report, StepFailure, check_size, size};
use crate::waiters::Slot;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_client::Connection;
use rws_kafka_observe::trace::TraceContext;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// In librdkafka's place for one producer: takes its messages, and tells of their outcome on the
/// thread that sends, or on the test's.
pub(crate) struct TestClient {
    sent: Sent,
    pub(super) state: Arc<Mutex<ClientState>>,
}

#[derive(Default)]
pub(super) struct ClientState {
    /// A failed client is replaced.
    heals: bool,
    /// It will not send again.
    fatal: Option<String>,
    transaction: Option<OpenTransaction>,
}

#[derive(Default)]
struct OpenTransaction {
    records: Vec<SentRecord>,
    /// It can only be aborted.
    broken: Option<String>,
}

/// The end of one message.
struct Outcome<'a> {
    record: &'a SentRecord,
    result: Result<Delivery, ProducerError>,
}

impl TestClient {
    pub(super) fn new(sent: Sent, heals: bool) -> Self {
        let state = ClientState {
            heals,
            ..ClientState::default()
        };
        Self {
            sent,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(crate) fn enqueue(
        &self,
        deliveries: &Arc<Deliveries>,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        max_bytes: usize,
    ) -> Result<(), Enqueue> {
        {
            let state = lock(&self.state);
            if let Some(detail) = &state.fatal {
                let detail = detail.clone();
                return Err(Enqueue::Refused(ProducerError::Fatal { detail }));
            }
            let transaction = state.transaction.as_ref();
            if transaction.is_some_and(|transaction| transaction.broken.is_some()) {
                let topic = record.topic.to_owned();
                return Err(Enqueue::Refused(ProducerError::TransactionBroken { topic }));
            }
        }
        check_size(record, max_bytes).map_err(Enqueue::Refused)?;
        let fault = self.sent.fault_of(record.topic);
        if fault == Some(SendFault::QueueFull) {
            return Err(Enqueue::Full);
        }
        let held = Held {
            record: SentRecord::new(record, context),
            token,
            deliveries: Arc::clone(deliveries),
            client: Arc::clone(&self.state),
        };
        deliveries.in_flight().accept(held.bytes());
        match fault {
            Some(fault) => held.fail(fault),
            None => self.sent.accept(held),
        }
        Ok(())
    }

    /// Whoever waits for `slot` would wait for ever: its message gets no acknowledgement in time.
    pub(crate) fn time_out(&self, deliveries: &Deliveries, slot: &Arc<Slot>) {
        if let Some(number) = deliveries.waiters().number_of(slot) {
            let is_it = |held: &Held| {
                held.token == Token::Watched(number) && Arc::ptr_eq(&held.client, &self.state)
            };
            self.sent.fail_held_that(is_it, SendFault::TimedOut);
        }
    }

    /// Whether this thread is in one of its reports.
    pub(crate) fn is_reporting(&self) -> bool {
        let own = Arc::as_ptr(&self.state).addr();
        REPORTING.with_borrow(|reporting| reporting.contains(&own))
    }

    pub(crate) fn purge(&self) {
        let is_ours = |held: &Held| Arc::ptr_eq(&held.client, &self.state);
        for held in self.sent.take_held(is_ours) {
            held.fail_with(RDKafkaErrorCode::PurgeQueue);
        }
    }

    pub(crate) fn fatal(&self) -> Option<String> {
        lock(&self.state).fatal.clone()
    }

    pub(crate) fn init_transactions(&self) -> Result<(), StepFailure> {
        Ok(())
    }

    pub(crate) fn begin_transaction(&self) -> Result<(), StepFailure> {
        let mut state = lock(&self.state);
        state.is_fit()?;
        state.transaction = Some(OpenTransaction::default());
        Ok(())
    }

    pub(crate) fn send_offsets(&self) -> Result<(), StepFailure> {
        Ok(())
    }

    pub(crate) fn commit_transaction(&self) -> Result<(), StepFailure> {
        let mut state = lock(&self.state);
        state.is_fit()?;
        let transaction = state.transaction.get_or_insert_default();
        let refused = self.sent.takes_no_commit();
        if let Some(detail) = transaction.broken.clone().or(refused) {
            return Err(StepFailure::MustAbort(detail));
        }
        let records = std::mem::take(&mut transaction.records);
        state.transaction = None;
        drop(state);
        self.sent.add(records);
        Ok(())
    }

    pub(crate) fn abort_transaction(&self) -> Result<(), StepFailure> {
        // As a real one does, with what is on its way.
        self.purge();
        let mut state = lock(&self.state);
        state.transaction = None;
        state.is_fit()
    }
}

impl ClientState {
    /// What has failed for good does no step of a transaction any more.
    fn is_fit(&self) -> Result<(), StepFailure> {
        match &self.fatal {
            Some(detail) => Err(StepFailure::Fatal(detail.clone())),
            None => Ok(()),
        }
    }
}

impl Held {
    pub(super) fn bytes(&self) -> usize {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        length(self.record.key()) + length(self.record.payload())
    }

    /// It stands at `offset` of its partition.
    pub(super) fn acknowledge(self, sent: &Sent) {
        let (partition, offset) = sent.place_of(&self.record);
        let mut state = lock(&self.client);
        match &mut state.transaction {
            Some(transaction) => transaction.records.push(self.record.clone()),
            None => sent.add([self.record.clone()]),
        }
        drop(state);
        self.report(Ok(Delivery {
            partition,
            offset,
            timestamp_ms: self.record.timestamp_ms(),
        }));
    }

    pub(super) fn fail(self, fault: SendFault) {
        if let Some(code) = fault.code() {
            self.fail_with(code);
        }
    }

    fn fail_with(self, code: RDKafkaErrorCode) {
        let record = &self.record;
        let partition = record.partition().unwrap_or(-1);
        let size = size(record.key(), record.payload(), record.headers());
        let mut failed = self.deliveries.failed(record.topic(), partition, size);
        let heals = lock(&self.client).heals;
        if heals && code == RDKafkaErrorCode::Fatal {
            failed.client_failure = Some("as the test wants it");
        }
        let error = failed.because_of(&KafkaError::MessageProduction(code));
        {
            let mut state = lock(&self.client);
            if code == RDKafkaErrorCode::Fatal && !heals {
                state.fatal = Some(error.to_string());
            }
            if let Some(transaction) = &mut state.transaction {
                transaction.broken.get_or_insert_with(|| error.to_string());
            }
        }
        self.report(Err(error));
    }

    /// With no lock held: what is told of it may send, too.
    fn report(&self, result: Result<Delivery, ProducerError>) {
        let record = &self.record;
        let outcome = Outcome { record, result };
        let _reporting = Reporting::of(&self.client);
        self.deliveries.report(&outcome, self.token.encode());
    }
}

thread_local! {
    /// Whose reports this thread is in, one within the other: the addresses of their states.
    static REPORTING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// This thread stands for the one that serves a producer's deliveries.
struct Reporting;

impl Reporting {
    fn of(client: &Arc<Mutex<ClientState>>) -> Self {
        REPORTING.with_borrow_mut(|reporting| reporting.push(Arc::as_ptr(client).addr()));
        Self
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        REPORTING.with_borrow_mut(Vec::pop);
    }
}

impl Report for Outcome<'_> {
    fn topic(&self) -> &str {
        self.record.topic()
    }

    fn key(&self) -> Option<&[u8]> {
        self.record.key()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.record.payload()
    }

    fn is_delivered(&self) -> bool {
        self.result.is_ok()
    }

    fn result(&self, _: Duration, _: &Connection) -> Result<Delivery, ProducerError> {
        self.result.clone()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
