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

/// The messages that a test's producers have sent. It also decides how they are answered.
///
/// Messages are acknowledged at once, on the thread that sends them, unless the test sets a fault or calls
/// [`hold`](Self::hold). Cheap to clone; all clones share the same messages.
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

// The state is consistent whenever its lock is free: a panic in `only` leaves it intact.
impl UnwindSafe for Sent {}
impl RefUnwindSafe for Sent {}

impl ProducerConfig {
    /// Makes producers send to `sent` instead of a broker; for the consumer.
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

/// # Testing
impl KafkaProducer {
    /// Creates a producer for a test, without a broker or a thread, and returns it with the messages that it
    /// sends.
    ///
    /// It has the default settings and an observer of its own; [`Sent::producer`] creates one with other
    /// settings.
    pub fn for_test() -> (Self, Sent) {
        let sent = Sent::new();
        let config = ProducerConfig::from(config()).observer(Observer::new());
        let producer = sent
            .producer(config)
            .expect("the settings of a test are valid");
        (producer, sent)
    }
}

impl Sent {
    /// Creates an empty `Sent`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a producer with the given settings that sends to this `Sent`. No broker is asked.
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::new`], except for invalid librdkafka properties, which are not checked.
    pub fn producer(
        &self,
        config: impl Into<ProducerConfig>,
    ) -> Result<KafkaProducer, ProducerError> {
        KafkaProducer::new(config.into().send_to(self))
    }

    /// Creates a transactional producer with the given settings. Its messages appear here once they are
    /// committed.
    ///
    /// # Errors
    ///
    /// As [`KafkaProducer::transactional`], except for invalid librdkafka properties, which are not checked.
    pub fn transactional(
        &self,
        config: impl Into<ProducerConfig>,
        transactional_id: impl Into<String>,
    ) -> Result<TransactionalProducer, ProducerError> {
        KafkaProducer::transactional(config.into().send_to(self), transactional_id)
    }

    /// Returns the messages that were acknowledged, in order; those of transactions only if they were
    /// committed.
    pub fn records(&self) -> Vec<SentRecord> {
        self.book.state.lock().records.clone()
    }

    /// Returns the messages to `topic`, as [`records`](Self::records).
    pub fn to(&self, topic: &str) -> Vec<SentRecord> {
        let mut records = self.records();
        records.retain(|record| record.topic() == topic);
        records
    }

    /// Returns the messages as [`records`](Self::records), without the first `count` ever sent.
    #[doc(hidden)]
    pub fn after(&self, count: usize) -> Vec<SentRecord> {
        let state = self.book.state.lock();
        let count = count.saturating_sub(state.forgotten);
        state.records.iter().skip(count).cloned().collect()
    }

    /// Returns the messages sent so far, as [`records`](Self::records), and removes them.
    pub fn take(&self) -> Vec<SentRecord> {
        let mut state = self.book.state.lock();
        let records = std::mem::take(&mut state.records);
        state.forgotten += records.len();
        records
    }

    /// Returns the only message that was sent.
    ///
    /// # Panics
    ///
    /// If no message was sent, or more than one. The panic message shows those that were sent.
    #[track_caller]
    pub fn only(&self) -> SentRecord {
        let records = self.records();
        let [record] = &records[..] else {
            panic!("expected one message, found {records:#?}");
        };
        record.clone()
    }

    /// Makes the next message fail, whatever its topic. Each call applies to one more message.
    pub fn fail_next(&self, fault: SendFault) {
        self.book.state.lock().next.push_back(fault);
    }

    /// Makes all messages to `topic` fail until [`recover`](Self::recover) is called.
    pub fn fail_topic(&self, topic: impl Into<String>, fault: SendFault) {
        self.book.state.lock().of_topics.insert(topic.into(), fault);
    }

    /// Makes all messages fail until [`recover`](Self::recover) is called.
    pub fn fail_all(&self, fault: SendFault) {
        self.book.state.lock().of_all = Some(fault);
    }

    /// Makes the next commit of a transaction fail and abort it
    /// ([`TransactionAborted`](ProducerError::TransactionAborted)). Each call applies to one more commit.
    pub fn abort_next_transaction(&self) {
        self.book.state.lock().aborts += 1;
    }

    /// Ends all faults. A transaction whose client has failed permanently stays failed.
    pub fn recover(&self) {
        let mut state = self.book.state.lock();
        state.next.clear();
        state.of_topics.clear();
        state.of_all = None;
        state.aborts = 0;
    }

    /// Holds messages from now on: they are accepted, and wait for [`acknowledge`](Self::acknowledge).
    ///
    /// Meanwhile `send_sync` fails at once with [`TimedOut`](ProducerError::TimedOut), a flush does not wait
    /// but returns how many messages are held, and a transaction with held messages cannot be committed.
    ///
    /// ```
    /// use rws_kafka_producer::KafkaProducer;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), rws_kafka_producer::ProducerError> {
    /// let (producer, sent) = KafkaProducer::for_test();
    /// sent.hold();
    /// producer.send("orders.created", "1")?;
    /// assert_eq!(producer.flush(Duration::from_secs(5)).undelivered, 1);
    ///
    /// assert_eq!(sent.acknowledge(), 1);
    /// assert_eq!(sent.only().payload_str(), "1");
    /// # Ok(())
    /// # }
    /// ```
    pub fn hold(&self) {
        self.book.state.lock().is_holding = true;
    }

    /// Acknowledges the held messages, in order, and returns how many there were. Later messages are still
    /// held.
    pub fn acknowledge(&self) -> usize {
        let held = self.book.take_held(|_| true);
        let count = held.len();
        for held in held {
            self.book.acknowledge(held);
        }
        count
    }

    /// Makes the held messages fail, and returns how many there were. Later messages are still held. With
    /// [`QueueFull`](SendFault::QueueFull) this does nothing, because the messages are already accepted.
    pub fn fail_held(&self, fault: SendFault) -> usize {
        self.book.fail_held_that(|_| fault.code().is_some(), fault)
    }

    /// Acknowledges the held messages, stops holding, and returns how many there were.
    pub fn release(&self) -> usize {
        self.book.state.lock().is_holding = false;
        self.acknowledge()
    }

    /// Returns the messages that are held.
    pub fn held(&self) -> Vec<SentRecord> {
        let state = self.book.state.lock();
        state.held.iter().map(|held| held.record.clone()).collect()
    }
}

impl fmt::Debug for Sent {
    /// Lists the messages, one per line with `{:#?}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.records()).finish()
    }
}
