use super::client::{ClientState, TestClient, lock};
use super::config;
use super::fault::SendFault;
use super::record::SentRecord;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use crate::producer::KafkaProducer;
use crate::token::Token;
use crate::transactional::TransactionalProducer;
use rws_kafka_observe::Observer;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

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
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    records: Vec<SentRecord>,
    /// How many were there before them.
    forgotten: usize,
    held: VecDeque<Held>,
    is_holding: bool,
    next: VecDeque<SendFault>,
    of_topics: HashMap<String, SendFault>,
    of_all: Option<SendFault>,
    /// Commits of transactions that are to fail.
    aborts: u32,
    offsets: HashMap<(String, i32), i64>,
}

/// A message that was accepted and has no outcome yet.
pub(super) struct Held {
    pub(super) record: SentRecord,
    pub(super) token: Token,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) client: Arc<Mutex<ClientState>>,
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
        lock(&self.state).records.clone()
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
        let state = lock(&self.state);
        let count = count.saturating_sub(state.forgotten);
        state.records.iter().skip(count).cloned().collect()
    }

    /// What was sent so far, and forgets it.
    pub fn take(&self) -> Vec<SentRecord> {
        let mut state = lock(&self.state);
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
        lock(&self.state).next.push_back(fault);
    }

    /// All messages to `topic` fail, until [`recover`](Self::recover).
    pub fn fail_topic(&self, topic: impl Into<String>, fault: SendFault) {
        lock(&self.state).of_topics.insert(topic.into(), fault);
    }

    /// All messages fail, until [`recover`](Self::recover).
    pub fn fail_all(&self, fault: SendFault) {
        lock(&self.state).of_all = Some(fault);
    }

    /// The next transaction cannot be committed, and is aborted
    /// ([`TransactionAborted`](ProducerError::TransactionAborted)). Each call is for one more.
    pub fn abort_next_transaction(&self) {
        lock(&self.state).aborts += 1;
    }

    /// No message fails any more. A producer that has failed for good stays so.
    pub fn recover(&self) {
        let mut state = lock(&self.state);
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
        lock(&self.state).is_holding = true;
    }

    /// Acknowledges what was held, in its order; returns how many messages that was. Later ones are
    /// held all the same.
    pub fn acknowledge(&self) -> usize {
        let held = self.take_held(|_| true);
        let count = held.len();
        for held in held {
            held.acknowledge(self);
        }
        count
    }

    /// Lets all that is held fail; returns how many messages that was. Later ones are held all the
    /// same. [`QueueFull`](SendFault::QueueFull) comes too late for them, and changes nothing.
    pub fn fail_held(&self, fault: SendFault) -> usize {
        self.fail_held_that(|_| fault.code().is_some(), fault)
    }

    /// Acknowledges what was held, and holds no more; returns how many messages that was.
    pub fn release(&self) -> usize {
        lock(&self.state).is_holding = false;
        self.acknowledge()
    }

    /// The messages that are held.
    pub fn held(&self) -> Vec<SentRecord> {
        let state = lock(&self.state);
        state.held.iter().map(|held| held.record.clone()).collect()
    }

    pub(crate) fn client(&self, heals: bool) -> TestClient {
        TestClient::new(self.clone(), heals)
    }

    pub(super) fn fault_of(&self, topic: &str) -> Option<SendFault> {
        let mut state = lock(&self.state);
        let next = state.next.pop_front();
        next.or_else(|| state.of_topics.get(topic).copied())
            .or(state.of_all)
    }

    pub(super) fn accept(&self, held: Held) {
        let mut state = lock(&self.state);
        if state.is_holding {
            return state.held.push_back(held);
        }
        drop(state);
        held.acknowledge(self);
    }

    pub(super) fn add(&self, records: impl IntoIterator<Item = SentRecord>) {
        lock(&self.state).records.extend(records);
    }

    /// Partition and offset of a message that is acknowledged now.
    pub(super) fn place_of(&self, record: &SentRecord) -> (i32, i64) {
        let partition = record.partition().unwrap_or(0);
        let mut state = lock(&self.state);
        let next = state.offsets.entry((record.topic().to_owned(), partition));
        let next = next.or_default();
        *next += 1;
        (partition, *next - 1)
    }

    pub(super) fn take_held(&self, mut is_meant: impl FnMut(&Held) -> bool) -> Vec<Held> {
        let mut state = lock(&self.state);
        let all = std::mem::take(&mut state.held);
        let (meant, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|held| is_meant(held));
        state.held = others.into();
        meant
    }

    pub(super) fn fail_held_that(
        &self,
        is_meant: impl FnMut(&Held) -> bool,
        fault: SendFault,
    ) -> usize {
        let held = self.take_held(is_meant);
        let count = held.len();
        for held in held {
            held.fail(fault);
        }
        count
    }

    pub(super) fn takes_no_commit(&self) -> Option<String> {
        let mut state = lock(&self.state);
        state.aborts = state.aborts.checked_sub(1)?;
        Some("as the test wants it".to_owned())
    }
}

impl fmt::Debug for Sent {
    /// The messages, one a line in `{:#?}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.records()).finish()
    }
}
