//! Messages that a test's client has accepted, and their outcomes.

use super::fault::SendFault;
use super::record::SentRecord;
use crate::checks::{length, size};
use crate::client::StepFailure;
use crate::deliveries::{Deliveries, Report};
use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::token::Token;
use crate::transport::errors::Failed;
use parking_lot::Mutex;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_client::Connection;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// A message that was accepted and has no outcome yet.
pub(super) struct Held {
    pub(super) record: SentRecord,
    pub(super) token: Token,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) client: Arc<Mutex<ClientState>>,
}

#[derive(Default)]
pub(super) struct ClientState {
    /// `true` if the producer replaces a failed client.
    pub(super) heals: bool,
    /// Why it cannot send any more, if it has failed.
    pub(super) fatal: Option<String>,
    pub(super) transaction: Option<OpenTransaction>,
}

#[derive(Default)]
pub(super) struct OpenTransaction {
    pub(super) records: Vec<SentRecord>,
    /// Why the transaction can only be aborted, if it can.
    pub(super) broken: Option<String>,
}

/// The outcome of one message.
struct Outcome<'a> {
    record: &'a SentRecord,
    result: Result<Delivery, ProducerError>,
}

impl ClientState {
    /// Returns an error if the client has failed permanently: it then takes no further step of a transaction.
    pub(super) fn is_fit(&self) -> Result<(), StepFailure> {
        match &self.fatal {
            Some(detail) => Err(StepFailure::Fatal(detail.clone())),
            None => Ok(()),
        }
    }
}

impl Held {
    pub(super) fn bytes(&self) -> usize {
        length(self.record.key()) + length(self.record.payload())
    }

    /// Adds it to the open transaction; returns `false` if there is none.
    pub(super) fn keep_in_transaction(&self) -> bool {
        let mut state = self.client.lock();
        match &mut state.transaction {
            Some(transaction) => {
                transaction.records.push(self.record.clone());
                true
            }
            None => false,
        }
    }

    /// Reports that it is stored at this position.
    pub(super) fn deliver(self, partition: i32, offset: i64) {
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

    pub(super) fn fail_with(self, code: RDKafkaErrorCode) {
        let record = &self.record;
        let partition = record.partition().unwrap_or(-1);
        let size = size(record.key(), record.payload(), record.headers());
        let mut failed = Failed::of(&self.deliveries, record.topic(), partition, size);
        let heals = self.client.lock().heals;
        if heals && code == RDKafkaErrorCode::Fatal {
            failed.client_failure = Some("failed by the test");
        }
        let error = failed.because_of(&KafkaError::MessageProduction(code));
        {
            let mut state = self.client.lock();
            if code == RDKafkaErrorCode::Fatal && !heals {
                state.fatal = Some(error.to_string());
            }
            if let Some(transaction) = &mut state.transaction {
                transaction.broken.get_or_insert_with(|| error.to_string());
            }
        }
        self.report(Err(error));
    }

    /// Must be called with no lock held: `on_delivery` may send messages.
    fn report(&self, result: Result<Delivery, ProducerError>) {
        let record = &self.record;
        let outcome = Outcome { record, result };
        let _reporting = Reporting::of(&self.client);
        self.deliveries.report(&outcome, self.token.encode());
    }
}

thread_local! {
    /// The clients whose reports this thread is in, nested: the addresses of their states.
    static REPORTING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Marks this thread as the one that serves a producer's deliveries.
struct Reporting;

impl Reporting {
    fn of(client: &Arc<Mutex<ClientState>>) -> Self {
        REPORTING.with_borrow_mut(|reporting| reporting.push(Arc::as_ptr(client).addr()));
        Self
    }
}

/// Returns `true` if this thread is in a report of this client.
pub(super) fn is_reporting(client: &Arc<Mutex<ClientState>>) -> bool {
    let address = Arc::as_ptr(client).addr();
    REPORTING.with_borrow(|reporting| reporting.contains(&address))
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
