use super::engine::engine_of;
use super::ledger::Ledger;
use crate::engine::{ByHand, Fetched, Handler, TestClock};
use crate::handler::context::ConsumerContext;
use crate::handler::hooks::AssignedPartition;
use crate::settings::consumer::KafkaConsumer;
use crate::settings::start::Prepared;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::Observer;
use rws_kafka_producer::HeaderValue;
use rws_kafka_producer::testing::{SentRecord, config};
use std::sync::Arc;

/// A message for a handler under test.
///
/// ```
/// use rws_kafka_consumer::testing::TestMessage;
///
/// let message = TestMessage::new("orders", r#"{"order_id":1}"#)
///     .key("order-1")
///     .header("origin", "web")
///     .partition(3);
///
/// // Without a worker, for code that reads a message.
/// let context = message.into_context();
/// assert_eq!(context.payload_str()?, r#"{"order_id":1}"#);
/// assert_eq!((context.partition(), context.attempt()), (3, 1));
/// # Ok::<(), rws_kafka_consumer::PayloadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a message does nothing until it is given to a worker"]
pub struct TestMessage {
    topic: String,
    partition: i32,
    offset: Option<i64>,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl TestMessage {
    /// Creates a message without a key, in partition 0.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::tombstone(topic)
        }
    }

    /// Creates a message without a key and a payload, in partition 0.
    pub fn tombstone(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            partition: 0,
            offset: None,
            timestamp_ms: None,
            key: None,
            payload: None,
            headers: Vec::new(),
        }
    }

    /// Sets the key.
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds a header. `None::<&str>` adds a null value; see [`header_opt`](Self::header_opt).
    pub fn header(mut self, name: impl Into<String>, value: impl HeaderValue) -> Self {
        let value = value.header_bytes().map(<[u8]>::to_vec);
        self.headers.push((name.into(), value));
        self
    }

    /// Adds a header if `value` is `Some`.
    pub fn header_opt(self, name: impl Into<String>, value: Option<impl HeaderValue>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Sets the partition. Default 0.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = partition;
        self
    }

    /// Sets the offset. Default: one more than the last message of the partition, or 0.
    pub fn offset(mut self, offset: i64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Sets the timestamp in milliseconds since 1970. Default: the time at which the worker is given the
    /// message.
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// Turns the message into a context without a worker, to test code that reads messages. Its offset is 0
    /// unless one is set.
    pub fn into_context(self) -> ConsumerContext {
        let config = crate::ConsumerConfig::from(config()).observer(Observer::new());
        let consumer = KafkaConsumer::new(config).expect("the settings of a test are valid");
        self.into_context_of(&consumer)
    }

    /// Turns the message into the context that a worker of `consumer` would create, with its group and schema
    /// registry.
    pub fn into_context_of(self, consumer: &KafkaConsumer) -> ConsumerContext {
        let clock = TestClock::new();
        let mut consumer = consumer.clone();
        // The hooks belong to the worker.
        consumer.hooks = crate::handler::hooks::Hooks::default();
        let handler = Handler::Each(Box::new(|_, _| Ok(())));
        // Nothing is started, so only the retry topics matter.
        let mut prepared = Prepared::default();
        if consumer.has_retry_topics() {
            prepared.checked.ladder = consumer.ladder().ok();
        }
        let engine = engine_of(&consumer, &clock, prepared);
        let worker = ByHand::new(
            engine,
            Arc::new(handler),
            clock,
            Arc::new(Ledger::default()),
        )
        .expect("there is no transaction to begin");
        let partition = self.topic_partition();
        worker.assign(vec![AssignedPartition {
            partition: partition.clone(),
            committed: None,
        }]);
        let message = self.fetched();
        worker
            .context(&partition, message)
            .expect("its partition is assigned")
    }

    pub(super) fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn set_offset(&self) -> Option<i64> {
        self.offset
    }

    pub(super) fn placed_at(mut self, offset: i64, now_ms: i64) -> Self {
        self.offset = Some(offset);
        self.timestamp_ms.get_or_insert(now_ms);
        self
    }

    pub(super) fn fetched(&self) -> Fetched<'_> {
        Fetched {
            offset: self.offset.unwrap_or(0),
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            headers: &self.headers,
        }
    }
}

/// Turns a message that a producer under test sent into a message for the next handler.
impl From<&SentRecord> for TestMessage {
    fn from(record: &SentRecord) -> Self {
        Self {
            topic: record.topic().to_owned(),
            partition: record.partition().unwrap_or(0),
            offset: None,
            timestamp_ms: record.timestamp_ms(),
            key: record.key().map(<[u8]>::to_vec),
            payload: record.payload().map(<[u8]>::to_vec),
            headers: record
                .headers()
                .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }
}

impl From<SentRecord> for TestMessage {
    fn from(record: SentRecord) -> Self {
        Self::from(&record)
    }
}
