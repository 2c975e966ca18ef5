//! Lets the transactions of one id take turns, each with a producer that is ready for it.

use crate::client::StepFailure;
use crate::config::ProducerConfig;
use crate::delivery::FlushReport;
use crate::error::{ProducerError, TransactionStep};
use crate::producer::KafkaProducer;
use crate::publisher::Publisher;
use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::time::{Duration, Instant};

/// Runs the transactions of one id one at a time, and prepares the producer for each.
pub(crate) struct Turns {
    config: ProducerConfig,
    id: String,
    state: Mutex<State>,
    /// Notified when a transaction has ended.
    free: Condvar,
}

struct State {
    /// `true` while a transaction is open or about to begin; it alone may use the rest.
    open: bool,
    present: Present,
}

/// The state of the client between two transactions.
#[derive(Clone)]
pub(crate) enum Present {
    /// Not initialised yet.
    New(KafkaProducer),
    Ready(KafkaProducer),
    /// Aborting its last transaction, which began then, was not answered.
    Unaborted(KafkaProducer, Instant),
    /// A new client is needed.
    Lost,
    /// No other client will be created.
    Over(ProducerError),
}

impl Turns {
    /// Creates the first producer. `config` has the transactional id `id`.
    pub(crate) fn new(config: ProducerConfig, id: String) -> Result<Self, ProducerError> {
        let first = KafkaProducer::new(config.clone())?;
        Ok(Self {
            config,
            id,
            state: Mutex::new(State {
                open: false,
                present: Present::New(first),
            }),
            free: Condvar::new(),
        })
    }

    /// Waits for the open transaction to end, and begins another.
    pub(crate) fn begin(&self) -> Result<KafkaProducer, ProducerError> {
        self.take_turn(self.config.max_block)?;
        self.prepare().inspect_err(|_| self.give_turn(None))
    }

    /// Begins no more transactions, waits for the open one to end, and closes.
    pub(crate) fn close(&self, timeout: Duration) -> FlushReport {
        let until = Deadline::after(timeout);
        let had_turn = self.take_turn(timeout).is_ok();
        let before = self.change(Present::Over(ProducerError::Closed));
        if had_turn {
            self.give_turn(None);
        }
        match before {
            Present::New(producer) | Present::Ready(producer) | Present::Unaborted(producer, _) => {
                producer.close(until.remaining())
            }
            Present::Lost | Present::Over(_) => FlushReport::default(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns how long a transaction may be open, and how long a step may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.config.transaction_timeout
    }

    /// Returns `true` if the coordinator may have ended a transaction that began at `begun`. It then
    /// increments the id's epoch, as another producer would.
    pub(crate) fn has_outlived(&self, begun: Instant) -> bool {
        begun.elapsed() >= self.timeout()
    }

    fn take_turn(&self, time: Duration) -> Result<(), ProducerError> {
        let until = Deadline::after(time);
        let mut state = self.state.lock();
        while state.open {
            if until.has_passed() {
                return Err(ProducerError::TransactionOpen {
                    id: self.id.clone(),
                    waited: time,
                });
            }
            self.free.wait_until(&mut state, until.instant());
        }
        state.open = true;
        Ok(())
    }

    /// Ends the open transaction, and records the state of the client.
    pub(crate) fn give_turn(&self, present: Option<Present>) {
        if let Some(present) = present
            && !matches!(self.state.lock().present, Present::Over(_))
        {
            let before = self.change(present.clone());
            if matches!(present, Present::Lost | Present::Over(_)) {
                discard(before);
            }
        }
        self.state.lock().open = false;
        self.free.notify_one();
    }

    fn change(&self, to: Present) -> Present {
        std::mem::replace(&mut self.state.lock().present, to)
    }

    /// Prepares the client and begins a transaction.
    fn prepare(&self) -> Result<KafkaProducer, ProducerError> {
        loop {
            let present = self.state.lock().present.clone();
            match present {
                Present::Over(error) => return Err(error),
                Present::Lost => {
                    let producer = KafkaProducer::new(self.config.clone())?;
                    self.change(Present::New(producer));
                }
                Present::New(producer) => {
                    let result = producer
                        .publisher()
                        .client()
                        .init_transactions(self.timeout());
                    self.settle(&producer, TransactionStep::Initialise, result)?;
                    self.change(Present::Ready(producer));
                }
                Present::Unaborted(producer, begun) => {
                    let client = producer.publisher().client();
                    match client.abort_transaction(self.timeout()) {
                        // The broker has aborted it already.
                        Err(StepFailure::Fenced(_)) if self.has_outlived(begun) => {
                            discard(self.change(Present::Lost));
                        }
                        result => {
                            self.settle(&producer, TransactionStep::Abort, result)?;
                            self.change(Present::Ready(producer));
                        }
                    }
                }
                Present::Ready(producer) => {
                    let deliveries = producer.publisher().deliveries();
                    deliveries.aborting(false);
                    deliveries.take_failure();
                    let result = producer.publisher().client().begin_transaction();
                    self.settle(&producer, TransactionStep::Begin, result)?;
                    return Ok(producer);
                }
            }
        }
    }

    fn settle(
        &self,
        producer: &KafkaProducer,
        step: TransactionStep,
        result: Result<(), StepFailure>,
    ) -> Result<(), ProducerError> {
        let Err(failure) = result else { return Ok(()) };
        Err(match failure {
            StepFailure::Retriable(detail) => self.timed_out(producer.publisher(), step, detail),
            StepFailure::Fenced(detail) => {
                let error = self.fenced(detail);
                discard(self.change(Present::Over(error.clone())));
                error
            }
            // A new client may succeed, for example once a permission is granted.
            StepFailure::Fatal(detail)
            | StepFailure::MustAbort(detail)
            | StepFailure::Unanswered(detail)
            | StepFailure::Refused(detail) => {
                discard(self.change(Present::Lost));
                ProducerError::TransactionAborted {
                    id: self.id.clone(),
                    step,
                    detail,
                    source: None,
                }
            }
        })
    }

    pub(crate) fn timed_out(
        &self,
        publisher: &Publisher,
        step: TransactionStep,
        detail: String,
    ) -> ProducerError {
        ProducerError::TransactionTimedOut {
            id: self.id.clone(),
            step,
            within: self.timeout(),
            detail,
            cause: publisher.deliveries().connection().cause(),
        }
    }

    pub(crate) fn fenced(&self, detail: String) -> ProducerError {
        ProducerError::Fenced {
            id: self.id.clone(),
            detail,
        }
    }
}

/// Closes a client on a thread of its own, because a close waits. None of its messages can become visible any
/// more.
fn discard(before: Present) {
    if let Present::New(producer) | Present::Ready(producer) | Present::Unaborted(producer, _) =
        before
    {
        producer.publisher().deliveries().aborting(true);
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // If no thread can be started, the producer is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-tx-close".to_owned())
            .spawn(close);
    }
}
