use super::book::Book;
use super::fault::SendFault;
use super::held::{ClientState, Held, OpenTransaction, is_reporting};
use super::record::SentRecord;
use crate::checks::{check_size, max_message_bytes};
use crate::client::{Client, NotTaken, Offsets, StepFailure, Wanted};
use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use crate::record::Record;
use crate::token::Token;
use parking_lot::Mutex;
use rdkafka::error::RDKafkaErrorCode;
use rws_kafka_observe::trace::TraceContext;
use std::sync::Arc;
use std::time::Duration;

/// Replaces librdkafka's client for one producer. It takes messages, and reports their outcome on the thread
/// that sends, or on the test's.
pub(super) struct TestClient {
    book: Arc<Book>,
    state: Arc<Mutex<ClientState>>,
    deliveries: Arc<Deliveries>,
    max_bytes: usize,
    heals: bool,
}

impl TestClient {
    pub(super) fn new(book: Arc<Book>, wanted: &Wanted) -> Self {
        let state = ClientState {
            heals: wanted.heals,
            ..ClientState::default()
        };
        Self {
            book,
            state: Arc::new(Mutex::new(state)),
            deliveries: Arc::clone(&wanted.deliveries),
            max_bytes: max_message_bytes(&wanted.properties),
            heals: wanted.heals,
        }
    }

    fn is_ours(&self, held: &Held) -> bool {
        Arc::ptr_eq(&held.client, &self.state)
    }

    /// Checks that neither the client nor its transaction has failed.
    fn check_state(&self, record: &Record<'_>) -> Result<(), ProducerError> {
        let state = self.state.lock();
        if let Some(detail) = &state.fatal {
            let detail = detail.clone();
            return Err(ProducerError::Fatal { detail });
        }
        let transaction = state.transaction.as_ref();
        if transaction.is_some_and(|transaction| transaction.broken.is_some()) {
            let topic = record.topic.to_owned();
            return Err(ProducerError::TransactionBroken { topic });
        }
        Ok(())
    }
}

impl Client for TestClient {
    fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        _: i64,
    ) -> Result<(), NotTaken> {
        self.check_state(record)
            .and_then(|()| check_size(record, self.max_bytes))
            .map_err(NotTaken::Refused)?;
        let fault = self.book.fault_of(record.topic);
        if fault == Some(SendFault::QueueFull) {
            return Err(NotTaken::Full);
        }
        let held = Held {
            record: SentRecord::new(record, context),
            token,
            deliveries: Arc::clone(&self.deliveries),
            client: Arc::clone(&self.state),
        };
        self.deliveries.in_flight().accept(held.bytes());
        match fault {
            Some(fault) => held.fail(fault),
            None => self.book.accept(held),
        }
        Ok(())
    }

    fn poll(&self, _: Duration) {}

    fn is_polled(&self) -> bool {
        false
    }

    fn is_reporting(&self) -> bool {
        is_reporting(&self.state)
    }

    /// Fails the message with `TimedOut`: if the test that is to answer runs on this thread, it would wait
    /// forever.
    fn before_wait(&self, token: Token) {
        let is_it = |held: &Held| held.token == token && self.is_ours(held);
        self.book.fail_held_that(is_it, SendFault::TimedOut);
    }

    fn purge(&self) {
        for held in self.book.take_held(|held| self.is_ours(held)) {
            held.fail_with(RDKafkaErrorCode::PurgeQueue);
        }
    }

    fn disown(&self) {}

    fn ping(&self, _: Option<&str>, _: Duration) -> bool {
        true
    }

    fn heals(&self) -> bool {
        self.heals
    }

    fn failure(&self) -> Option<String> {
        self.state.lock().fatal.clone()
    }

    fn init_transactions(&self, _: Duration) -> Result<(), StepFailure> {
        Ok(())
    }

    fn begin_transaction(&self) -> Result<(), StepFailure> {
        let mut state = self.state.lock();
        state.is_fit()?;
        state.transaction = Some(OpenTransaction::default());
        Ok(())
    }

    fn send_offsets(&self, _: &Offsets<'_>, _: Duration) -> Result<(), StepFailure> {
        Ok(())
    }

    fn commit_transaction(&self, _: Duration) -> Result<(), StepFailure> {
        let mut state = self.state.lock();
        state.is_fit()?;
        let transaction = state.transaction.get_or_insert_default();
        let refused = self.book.takes_no_commit();
        if let Some(detail) = transaction.broken.clone().or(refused) {
            return Err(StepFailure::MustAbort(detail));
        }
        let records = std::mem::take(&mut transaction.records);
        state.transaction = None;
        drop(state);
        self.book.add(records);
        Ok(())
    }

    fn abort_transaction(&self, _: Duration) -> Result<(), StepFailure> {
        // A real client also discards its messages in flight.
        self.purge();
        let mut state = self.state.lock();
        state.transaction = None;
        state.is_fit()
    }
}
