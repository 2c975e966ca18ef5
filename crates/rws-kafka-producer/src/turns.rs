//! The turns of transactions: one at a time, each with a producer that is ready for it.

use crate::client::StepFailure;
use crate::config::ProducerConfig;
use crate::delivery::FlushReport;
use crate::error::{ProducerError, TransactionStep};
use crate::producer::KafkaProducer;
use crate::publisher::Publisher;
use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::time::{Duration, Instant};

/// Gives the transactions of one id their turns, one at a time, and makes the producer ready for each.
pub(crate) struct Turns {
    config: ProducerConfig,
    id: String,
    state: Mutex<State>,
    /// A transaction has ended.
    free: Condvar,
}

struct State {
    /// There is a transaction, or one is about to begin: the rest is its alone.
    open: bool,
    present: Present,
}

/// How the client stands between two transactions.
#[derive(Clone)]
pub(crate) enum Present {
    /// Not initialised yet.
    New(KafkaProducer),
    Ready(KafkaProducer),
    /// Its last transaction, which began then, was to be aborted, and no answer came.
    Unaborted(KafkaProducer, Instant),
    /// A new one has to be made.
    Lost,
    /// No other will be made.
    Over(ProducerError),
}

impl Turns {
    /// Makes the first producer. `config` has the transactional id `id`.
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

    /// Waits for the end of the open transaction, and brings the client to where another has begun.
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

    /// How long the broker lets a transaction be open, and how long a step may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.config.transaction_timeout
    }

    /// Whether a transaction that began then may have been ended by the coordinator, which moves the
    /// id's epoch on as another producer would.
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

    /// The transaction has ended, and this is how it leaves the client.
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

    /// Brings the client to where a transaction has begun.
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
                        // The broker was first.
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
            // A right that is given later, or a broker that answers better: another client finds
            // out.
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

/// On a thread of its own, as a close waits; nothing of it can be read any more.
fn discard(before: Present) {
    if let Present::New(producer) | Present::Ready(producer) | Present::Unaborted(producer, _) =
        before
    {
        producer.publisher().deliveries().aborting(true);
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-tx-close".to_owned())
            .spawn(close);
    }
}
