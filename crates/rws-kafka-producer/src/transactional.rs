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
    turns: Arc<Turns>,
    max_message_bytes: usize,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<rws_kafka_schema::registry::SchemaRegistry>,
}

impl KafkaProducer {
    /// A producer whose messages are read all or none, whatever topics they go to; see
    /// [`TransactionalProducer`].
    ///
    /// `transactional_id` names this instance of the service and must outlive its process: a
    /// producer that begins with it ends what an earlier one left open, and stops that one from
    /// writing, should it still be there. Asks no broker yet.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`ProducerError::Setting`] for an empty id and for settings that
    /// transactions exclude.
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
        let producer = self.turns.begin()?;
        let transaction = Transaction::new(&self.turns, producer);
        #[cfg(feature = "registry")]
        let transaction = transaction.with_registry(self.registry.clone());
        Ok(transaction)
    }

    /// The id that its transactions have.
    pub fn transactional_id(&self) -> &str {
        self.turns.id()
    }

    /// Begins no more transactions, for all clones, waits for the open one to end, and closes; all
    /// within `timeout`, and as [`KafkaProducer::close`].
    pub fn close(&self, timeout: Duration) -> FlushReport {
        self.turns.close(timeout)
    }

    /// Refuses what a send would refuse at once, and what has more than `most_bytes`; for those who
    /// send later.
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
