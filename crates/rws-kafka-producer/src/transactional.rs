use crate::config::ProducerConfig;
use crate::delivery::FlushReport;
use crate::engine::{Engine, after, check_record};
use crate::error::{ProducerError, TransactionStep};
use crate::producer::KafkaProducer;
use crate::record::Record;
use crate::transaction::Transaction;
use crate::transport::{StepFailure, check_size, max_message_bytes};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Publishes messages in transactions: those of one are read all or none.
///
/// Readers must ask for it: `isolation.level` `read_committed`, which is the default of librdkafka
/// and of this workspace's consumer, and not of Java's. Messages are sent through a
/// [`Transaction`], one at a time for all clones.
///
/// ```no_run
/// use rws_kafka_producer::{KafkaProducer, ProducerConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let producer = KafkaProducer::transactional(ProducerConfig::from_env()?, "orders-api-0")?;
///
/// let transaction = producer.begin()?;
/// transaction.send_keyed("orders", "order-1", r#"{"order_id": 1}"#)?;
/// transaction.send_keyed("audit", "order-1", "created")?;
/// transaction.commit()?; // without it, the drop gives both up
/// # Ok(())
/// # }
/// ```
///
/// Where a transaction ends without the producer knowing how, or because the broker's
/// [`transaction_timeout`](ProducerConfig::transaction_timeout) was over, the producer renews itself
/// at the next [`begin`](Self::begin). When another producer has taken over its transactional id, it
/// is [`Fenced`](ProducerError::Fenced) for good.
#[derive(Clone)]
pub struct TransactionalProducer {
    pub(crate) shared: Arc<Shared>,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

/// What all clones, and the open transaction, have in common.
pub(crate) struct Shared {
    config: ProducerConfig,
    id: String,
    max_message_bytes: usize,
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

impl TransactionalProducer {
    pub(crate) fn new(mut config: ProducerConfig, id: String) -> Result<Self, ProducerError> {
        config.transactional_id = Some(id.clone());
        let max_message_bytes = max_message_bytes(&config.properties()?);
        let first = KafkaProducer::new(config.clone())?;
        Ok(Self {
            shared: Arc::new(Shared {
                max_message_bytes,
                config,
                id,
                state: Mutex::new(State {
                    open: false,
                    present: Present::New(first),
                }),
                free: Condvar::new(),
            }),
            #[cfg(feature = "registry")]
            registry: None,
        })
    }

    /// Begins a transaction, when the one before has ended.
    ///
    /// Needs the network the first time only: it then ends what an earlier producer of the same
    /// transactional id left open, and waits for that within the
    /// [`transaction_timeout`](ProducerConfig::transaction_timeout). Not to be called in
    /// `on_delivery`.
    ///
    /// # Errors
    ///
    /// [`TransactionOpen`](ProducerError::TransactionOpen) when another one is open for the whole of
    /// [`max_block`](ProducerConfig::max_block);
    /// [`TransactionTimedOut`](ProducerError::TransactionTimedOut) when the broker does not answer;
    /// [`Fenced`](ProducerError::Fenced), [`Fatal`](ProducerError::Fatal) and
    /// [`Closed`](ProducerError::Closed).
    pub fn begin(&self) -> Result<Transaction, ProducerError> {
        self.shared.take_turn(self.shared.config.max_block)?;
        match self.shared.prepare() {
            Ok(producer) => Ok(Transaction::new(self, producer)),
            Err(error) => {
                self.shared.give_turn(None);
                Err(error)
            }
        }
    }

    /// The id that its transactions have.
    pub fn transactional_id(&self) -> &str {
        &self.shared.id
    }

    /// Begins no more transactions, for all clones, waits for the open one to end, and closes; all
    /// within `timeout`, and as [`KafkaProducer::close`].
    pub fn close(&self, timeout: Duration) -> FlushReport {
        let until = after(timeout);
        let had_turn = self.shared.take_turn(timeout).is_ok();
        let before = self.shared.change(Present::Over(ProducerError::Closed));
        if had_turn {
            self.shared.give_turn(None);
        }
        let left = until.saturating_duration_since(Instant::now());
        match before {
            Present::New(producer) | Present::Ready(producer) | Present::Unaborted(producer, _) => {
                producer.close(left)
            }
            Present::Lost | Present::Over(_) => FlushReport::default(),
        }
    }

    /// Refuses what a send would refuse at once, and what has more than `most_bytes`; for those who
    /// send later.
    #[doc(hidden)]
    pub fn check(&self, record: &Record<'_>, most_bytes: usize) -> Result<(), ProducerError> {
        check_record(record)?;
        check_size(record, self.shared.max_message_bytes.min(most_bytes))
    }
}

impl Shared {
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
        let until = after(time);
        let mut state = self.lock();
        while state.open {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ProducerError::TransactionOpen {
                    id: self.id.clone(),
                    waited: time,
                });
            }
            let waited = self.free.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.open = true;
        Ok(())
    }

    /// The transaction has ended, and this is how it leaves the client.
    pub(crate) fn give_turn(&self, present: Option<Present>) {
        if let Some(present) = present
            && !matches!(self.lock().present, Present::Over(_))
        {
            let before = self.change(present.clone());
            if matches!(present, Present::Lost | Present::Over(_)) {
                discard(before);
            }
        }
        self.lock().open = false;
        self.free.notify_one();
    }

    fn change(&self, to: Present) -> Present {
        std::mem::replace(&mut self.lock().present, to)
    }

    /// Brings the client to where a transaction has begun.
    fn prepare(&self) -> Result<KafkaProducer, ProducerError> {
        loop {
            let present = self.lock().present.clone();
            match present {
                Present::Over(error) => return Err(error),
                Present::Lost => {
                    let producer = KafkaProducer::new(self.config.clone())?;
                    self.change(Present::New(producer));
                }
                Present::New(producer) => {
                    let result = producer.engine().client().init_transactions(self.timeout());
                    self.settle(&producer, TransactionStep::Initialise, result)?;
                    self.change(Present::Ready(producer));
                }
                Present::Unaborted(producer, begun) => {
                    let client = producer.engine().client();
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
                    let deliveries = producer.engine().deliveries();
                    deliveries.aborting(false);
                    deliveries.take_failure();
                    let result = producer.engine().client().begin_transaction();
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
            StepFailure::Retriable(detail) => self.timed_out(producer.engine(), step, detail),
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
        engine: &Engine,
        step: TransactionStep,
        detail: String,
    ) -> ProducerError {
        ProducerError::TransactionTimedOut {
            id: self.id.clone(),
            step,
            within: self.timeout(),
            detail,
            cause: engine.deliveries().connection().cause(),
        }
    }

    pub(crate) fn fenced(&self, detail: String) -> ProducerError {
        ProducerError::Fenced {
            id: self.id.clone(),
            detail,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TransactionalProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionalProducer")
            .field("transactional_id", &self.shared.id)
            .finish_non_exhaustive()
    }
}

/// On a thread of its own, as a close waits; nothing of it can be read any more.
fn discard(before: Present) {
    if let Present::New(producer) | Present::Ready(producer) | Present::Unaborted(producer, _) =
        before
    {
        producer.engine().deliveries().aborting(true);
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-tx-close".to_owned())
            .spawn(close);
    }
}
