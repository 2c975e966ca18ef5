use crate::checks::{check_record, check_size, max_message_bytes};
use crate::config::ProducerConfig;
use crate::delivery::FlushReport;
use crate::error::ProducerError;
use crate::producer::KafkaProducer;
use crate::record::Record;
use crate::transaction::Transaction;
use crate::turns::Turns;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A producer that sends messages in transactions: consumers see all messages of a transaction, or none.
///
/// Consumers must read with `isolation.level=read_committed`. It is the default of librdkafka and of this
/// workspace's consumer, but not of Java's.
///
/// [`begin`](Self::begin) returns a [`Transaction`], through which messages are sent. All clones together
/// have at most one open transaction.
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
/// transaction.commit()?; // without this, the drop aborts the transaction
/// # Ok(())
/// # }
/// ```
///
/// If the producer cannot know how a transaction ended, or the broker has aborted one because the
/// [`transaction_timeout`](ProducerConfig::transaction_timeout) had passed, the next [`begin`](Self::begin)
/// creates a new client. If another producer has taken over the transactional id, every call returns
/// [`Fenced`](ProducerError::Fenced) from then on.
#[derive(Clone)]
pub struct TransactionalProducer {
    turns: Arc<Turns>,
    max_message_bytes: usize,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

/// # Transactions
impl KafkaProducer {
    /// Creates a producer that sends messages in transactions, to any number of topics; see
    /// [`TransactionalProducer`].
    ///
    /// `transactional_id` identifies this instance of the service and must stay the same after a restart. The
    /// first [`begin`](TransactionalProducer::begin) with this id aborts a transaction that an earlier
    /// producer left open, and fences that producer if it still runs. This call itself asks no broker.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`ProducerError::Setting`] for an empty id and for settings that contradict
    /// transactions.
    pub fn transactional(
        config: impl Into<ProducerConfig>,
        transactional_id: impl Into<String>,
    ) -> Result<TransactionalProducer, ProducerError> {
        TransactionalProducer::new(config.into(), transactional_id.into())
    }
}

impl TransactionalProducer {
    fn new(mut config: ProducerConfig, id: String) -> Result<Self, ProducerError> {
        config.transactional_id = Some(id.clone());
        Ok(Self {
            max_message_bytes: max_message_bytes(&config.properties()?),
            turns: Arc::new(Turns::new(config, id)?),
            #[cfg(feature = "registry")]
            registry: None,
        })
    }

    /// Begins a transaction, and waits until the previous one has ended.
    ///
    /// The first call asks the broker, and so does the first call after a transaction whose end is unknown:
    /// it aborts what an earlier producer with this transactional id left open, and waits for that for up to
    /// the [`transaction_timeout`](ProducerConfig::transaction_timeout). Other calls need no network. Do not
    /// call it in `on_delivery`.
    ///
    /// # Errors
    ///
    /// - [`TransactionOpen`](ProducerError::TransactionOpen) if another transaction stays open for
    ///   [`max_block`](ProducerConfig::max_block).
    /// - [`TransactionTimedOut`](ProducerError::TransactionTimedOut) if the broker does not answer.
    /// - [`TransactionAborted`](ProducerError::TransactionAborted) if the broker refuses to begin one, for
    ///   example because a permission is missing. The next call tries again with a new client.
    /// - [`Fenced`](ProducerError::Fenced) and [`Closed`](ProducerError::Closed).
    pub fn begin(&self) -> Result<Transaction, ProducerError> {
        let producer = self.turns.begin()?;
        let transaction = Transaction::new(&self.turns, producer);
        #[cfg(feature = "registry")]
        let transaction = transaction.with_registry(self.registry.clone());
        Ok(transaction)
    }

    /// Returns the transactional id.
    pub fn transactional_id(&self) -> &str {
        self.turns.id()
    }

    /// Closes the producer for all clones: begins no more transactions, waits for the open one to end, and
    /// closes as [`KafkaProducer::close`], all within `timeout`.
    pub fn close(&self, timeout: Duration) -> FlushReport {
        self.turns.close(timeout)
    }

    /// Checks a record for callers that send it later: returns the errors that a send would return at once,
    /// and refuses a record of more than `most_bytes`.
    #[doc(hidden)]
    pub fn check(&self, record: &Record<'_>, most_bytes: usize) -> Result<(), ProducerError> {
        check_record(record)?;
        check_size(record, self.max_message_bytes.min(most_bytes))
    }
}

impl fmt::Debug for TransactionalProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionalProducer")
            .field("transactional_id", &self.turns.id())
            .finish_non_exhaustive()
    }
}
