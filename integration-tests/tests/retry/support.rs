use integration_tests::{Brokers, Kafka, TopicRecord, eventually, unique, unique_topic};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{
    ConsumerConfig, ConsumerContext, ConsumerHandle, HandlerError, HandlerResult, KafkaConsumer,
};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A topic, its dead letter queue, a group and an observer that no other test uses.
pub(crate) struct Scene<'a> {
    pub(crate) kafka: &'a Brokers,
    pub(crate) topic: String,
    pub(crate) queue: String,
    pub(crate) partitions: i32,
    pub(crate) group: String,
    pub(crate) observer: Observer,
}

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        Scene::on(Kafka::shared(), partitions)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32) -> Self {
        let scene = Self::without_topics(kafka, partitions);
        kafka.create_topic(&scene.topic, partitions);
        kafka.create_topic(&scene.queue, partitions);
        scene
    }

    pub(crate) fn without_topics(kafka: &'a Brokers, partitions: i32) -> Self {
        let topic = unique_topic("retry");
        Self {
            kafka,
            queue: format!("{topic}.dlq"),
            topic,
            partitions,
            group: unique("group"),
            observer: Observer::new(),
        }
    }

    /// With a rebalance noticed at once.
    pub(crate) fn config(&self) -> ConsumerConfig {
        let builder = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .property("heartbeat.interval.ms", "200");
        ConsumerConfig::from(builder.build().expect("valid settings"))
            .observer(self.observer.clone())
    }

    pub(crate) fn consumer_of(&self, config: ConsumerConfig) -> KafkaConsumer {
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
    }

    /// With these delays, in milliseconds, and the queue.
    pub(crate) fn consumer(&self, delays: &[u64]) -> KafkaConsumer {
        self.consumer_of(self.config())
            .retry_topics(delays.iter().copied().map(Duration::from_millis))
            .dead_letter_queue("{topic}.dlq")
    }

    /// The retry topic of a delay in milliseconds.
    pub(crate) fn retry(&self, delay: u64) -> String {
        format!("{}-{}-retry-{delay}", self.topic, self.group)
    }

    pub(crate) fn producer(&self) -> KafkaProducer {
        let config = ProducerConfig::new(self.kafka.plain_bootstrap()).expect("valid settings");
        KafkaProducer::new(config.observer(Observer::new())).expect("a producer")
    }

    /// Sends these payloads, which are their keys as well.
    pub(crate) fn send<T: ToString>(&self, payloads: impl IntoIterator<Item = T>) {
        let producer = self.producer();
        for payload in payloads {
            let payload = payload.to_string();
            let sent = producer.send_keyed(&self.topic, &payload, &payload);
            sent.expect("room in the queue");
        }
        close(&producer);
    }

    pub(crate) fn send_record(&self, record: Record<'_>) {
        let producer = self.producer();
        producer.send_record(record).expect("room in the queue");
        close(&producer);
    }

    /// Whether all of `topic` is committed.
    pub(crate) fn is_committed(&self, topic: &str) -> bool {
        (0..self.partitions).all(|partition| {
            let end = self.kafka.end_offset(topic, partition);
            let committed = self.kafka.committed_offset(&self.group, topic, partition);
            end == 0 || committed == Some(end)
        })
    }

    /// How many records `topic` holds.
    pub(crate) fn records(&self, topic: &str) -> i64 {
        let partitions = 0..self.partitions;
        partitions
            .map(|partition| self.kafka.end_offset(topic, partition))
            .sum()
    }

    pub(crate) fn read(&self, topic: &str) -> Vec<TopicRecord> {
        self.kafka.read(topic)
    }

    /// The value of a counter for `topic`.
    pub(crate) fn counted(&self, family: &str, topic: &str) -> u64 {
        let series = format!("{family}{{group=\"{}\",topic=\"{topic}\"}} ", self.group);
        let page = self.observer.render();
        let value = page.lines().find_map(|line| line.strip_prefix(&series));
        value.map_or(0, |value| value.parse().expect("a number"))
    }
}

/// What handlers were given, in the order in which they were.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Given>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) payload: String,
    pub(crate) topic: String,
    pub(crate) attempt: u32,
    /// Milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// Before which it was not to be handled.
    pub(crate) due_ms: Option<i64>,
}

impl Journal {
    pub(crate) fn note(&self, msg: &ConsumerContext) {
        self.0.lock().unwrap().push(Given {
            payload: msg.payload_str().expect("text").to_owned(),
            topic: msg.topic().to_owned(),
            attempt: msg.attempt(),
            at_ms: now_ms(),
            due_ms: due_ms(msg),
        });
    }

    pub(crate) fn all(&self) -> Vec<Given> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The attempts of one message, each in its topic.
    pub(crate) fn of(&self, payload: &str) -> Vec<Given> {
        let mut all = self.all();
        all.retain(|given| given.payload == payload);
        all
    }

    #[track_caller]
    pub(crate) fn assert_none_was_early(&self) {
        for given in self.all() {
            assert!(Some(given.at_ms) >= given.due_ms, "{given:?}");
        }
    }
}

/// When a message is due, as its header says.
pub(crate) fn due_ms(msg: &ConsumerContext) -> Option<i64> {
    let value = msg.header("retry_topic-backoff-timestamp")??;
    Some(number(value))
}

/// A positive number as Java's `BigInteger` writes it.
pub(crate) fn number(value: &[u8]) -> i64 {
    assert!(value[0] < 0x80, "{value:?}");
    value
        .iter()
        .fold(0, |sum, byte| sum << 8 | i64::from(*byte))
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}

/// Fails each message as often as its payload says.
pub(crate) fn as_told(
    journal: &Journal,
) -> impl Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static {
    let journal = journal.clone();
    move |msg| {
        journal.note(&msg);
        let fails: u32 = msg.payload_str()?.split('-').next().unwrap().parse()?;
        if msg.attempt() <= fails {
            return Err(HandlerError::new("busy"));
        }
        msg.commit()
    }
}

pub(crate) fn close(producer: &KafkaProducer) {
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
}

/// Waits for the first assignment.
pub(crate) fn ready(handle: &ConsumerHandle) {
    assert!(handle.wait_ready(SOON), "{:?}", handle.status());
}

/// Stops a worker that has nothing in hand.
#[track_caller]
pub(crate) fn stop(handle: &ConsumerHandle) {
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
}

#[track_caller]
pub(crate) fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}
