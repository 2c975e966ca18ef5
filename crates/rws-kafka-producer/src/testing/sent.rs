use super::book::Book;
use super::client::TestClient;
use super::config;
use super::fault::SendFault;
use super::record::SentRecord;
use crate::client::{Client, Connect, Wanted};
use crate::config::ProducerConfig;
use crate::error::ProducerError;
use crate::producer::KafkaProducer;
use crate::transactional::TransactionalProducer;
use rws_kafka_observe::Observer;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// What producers of a test have sent, and how it is answered.
///
/// Messages are acknowledged at once, on the thread that sends them, unless the test says otherwise.
/// Cheap to clone; all clones are one.
///
/// ```
/// use rws_kafka_producer::testing::{Sent, SendFault};
/// use rws_kafka_producer::{KafkaProducer, ProducerError};
///
/// # fn main() -> Result<(), ProducerError> {
/// let (producer, sent) = KafkaProducer::for_test();
/// producer.send_keyed("orders.created", "order-1", r#"{"order_id":1}"#)?;
///
/// let order = sent.only();
/// assert_eq!((order.topic(), order.key_str()), ("orders.created", "order-1"));
///
/// sent.fail_next(SendFault::QueueFull);
/// let refused = producer.send("orders.created", "{}");
/// assert!(matches!(refused, Err(ProducerError::QueueFull { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Sent {
    book: Arc<Book>,
}

// What it holds is whole whenever its lock is free: an `only` that panics leaves nothing half done.
impl UnwindSafe for Sent {}
impl RefUnwindSafe for Sent {}

impl ProducerConfig {
    /// Producers made of it send to `sent`, and to no broker; for the consumer.
    #[doc(hidden)]
    pub fn send_to(mut self, sent: &Sent) -> Self {
        self.connect = Arc::new(sent.clone());
        self
    }
}

impl Connect for Sent {
    fn connect(&self, wanted: &Wanted) -> Result<Arc<dyn Client>, ProducerError> {
        Ok(Arc::new(TestClient::new(Arc::clone(&self.book), wanted)))
    }
}

impl KafkaProducer {
    /// A producer for a test, with no broker and no thread, and what it has sent.
    ///
    /// It has the settings that a producer has by itself, and an observer of its own;
    /// [`Sent::producer`] makes one with others.
    pub fn for_test() -> (Self, Sent) {
        let sent = Sent::new();
        let config = ProducerConfig::from(config()).observer(Observer::new());
        let producer = sent
            .producer(config)
            .expect("the settings of a test are right");
        (producer, sent)
    }
}

impl Sent {
    /// Nothing sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// A producer with settings of one's own whose messages come here. Its brokers are asked nothing.
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::new`], but for what librdkafka would have against a property.
    pub fn producer(
        &self,
        config: impl Into<ProducerConfig>,
    ) -> Result<KafkaProducer, ProducerError> {
        KafkaProducer::new(config.into().send_to(self))
    }

    /// The same for one with transactions: what it sends is here once it is committed.
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::transactional`], but for what librdkafka would have against a property.
    pub fn transactional(
        &self,
        config: impl Into<ProducerConfig>,
        transactional_id: impl Into<String>,
    ) -> Result<TransactionalProducer, ProducerError> {
        KafkaProducer::transactional(config.into().send_to(self), transactional_id)
    }

    /// What was sent and acknowledged, in its order; of transactions, what was committed.
    pub fn records(&self) -> Vec<SentRecord> {
        self.book.state.lock().records.clone()
    }

    /// The same of one topic.
    pub fn to(&self, topic: &str) -> Vec<SentRecord> {
        let mut records = self.records();
        records.retain(|record| record.topic() == topic);
        records
    }

    /// The same, but for the first `count` that there ever were.
    #[doc(hidden)]
    pub fn after(&self, count: usize) -> Vec<SentRecord> {
        let state = self.book.state.lock();
        let count = count.saturating_sub(state.forgotten);
        state.records.iter().skip(count).cloned().collect()
    }

    /// What was sent so far, and forgets it.
    pub fn take(&self) -> Vec<SentRecord> {
        let mut state = self.book.state.lock();
        let records = std::mem::take(&mut state.records);
        state.forgotten += records.len();
        records
    }

    /// The one message that was sent.
    ///
    /// # Panics
    ///
    /// Where there is none, and where there are more: with those that there are.
    #[track_caller]
    pub fn only(&self) -> SentRecord {
        let records = self.records();
        let [record] = &records[..] else {
            panic!("one message was to be sent, found {records:#?}");
        };
        record.clone()
    }

    /// The next message fails, whatever its topic. Each call is for one more message.
    pub fn fail_next(&self, fault: SendFault) {
        self.book.state.lock().next.push_back(fault);
    }

    /// All messages to `topic` fail, until [`recover`](Self::recover).
    pub fn fail_topic(&self, topic: impl Into<String>, fault: SendFault) {
        self.book.state.lock().of_topics.insert(topic.into(), fault);
    }

    /// All messages fail, until [`recover`](Self::recover).
    pub fn fail_all(&self, fault: SendFault) {
        self.book.state.lock().of_all = Some(fault);
    }

    /// The next transaction cannot be committed, and is aborted
    /// ([`TransactionAborted`](ProducerError::TransactionAborted)). Each call is for one more.
    pub fn abort_next_transaction(&self) {
        self.book.state.lock().aborts += 1;
    }

    /// No message fails any more. A producer that has failed for good stays so.
    pub fn recover(&self) {
        let mut state = self.book.state.lock();
        state.next.clear();
        state.of_topics.clear();
        state.of_all = None;
        state.aborts = 0;
    }

    /// From here on messages are accepted and wait for [`acknowledge`](Self::acknowledge).
    ///
    /// A `send_sync` meanwhile is not acknowledged in time: it fails at once with
    /// [`TimedOut`](ProducerError::TimedOut). A flush does not wait, and tells what is left; a
    /// transaction with such messages cannot be committed.
    pub fn hold(&self) {
        self.book.state.lock().is_holding = true;
    }

    /// Acknowledges what was held, in its order; returns how many messages that was. Later ones are
    /// held all the same.
    pub fn acknowledge(&self) -> usize {
        let held = self.book.take_held(|_| true);
        let count = held.len();
        for held in held {
            self.book.acknowledge(held);
        }
        count
    }

    /// Lets all that is held fail; returns how many messages that was. Later ones are held all the
    /// same. [`QueueFull`](SendFault::QueueFull) comes too late for them, and changes nothing.
    pub fn fail_held(&self, fault: SendFault) -> usize {
        self.book.fail_held_that(|_| fault.code().is_some(), fault)
    }

    /// Acknowledges what was held, and holds no more; returns how many messages that was.
    pub fn release(&self) -> usize {
        self.book.state.lock().is_holding = false;
        self.acknowledge()
    }

    /// The messages that are held.
    pub fn held(&self) -> Vec<SentRecord> {
        let state = self.book.state.lock();
        state.held.iter().map(|held| held.record.clone()).collect()
    }
}

impl fmt::Debug for Sent {
    /// The messages, one a line in `{:#?}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.records()).finish()
    }
}
