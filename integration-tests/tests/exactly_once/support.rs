use integration_tests::{Brokers, Kafka, eventually, unique, unique_topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{ConsumerConfig, ConsumerHandle, ExactlyOnceConsumer, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record, TransactionalProducer};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A topic to read from, one to write to, a group and a transactional id that no other test uses.
pub(crate) struct Scene<'a> {
    pub(crate) kafka: &'a Brokers,
    pub(crate) source: String,
    pub(crate) sink: String,
    pub(crate) partitions: i32,
    pub(crate) group: String,
    pub(crate) id: String,
}

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        Scene::on(Kafka::shared(), partitions)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32) -> Self {
        let (source, sink) = (unique_topic("source"), unique_topic("sink"));
        kafka.create_topic(&source, partitions);
        kafka.create_topic(&sink, partitions);
        Self {
            kafka,
            source,
            sink,
            partitions,
            group: unique("group"),
            id: unique("transactions"),
        }
    }

    pub(crate) fn producer_config(&self) -> ProducerConfig {
        let config = ProducerConfig::new(self.kafka.bootstrap()).expect("valid settings");
        config.observer(Observer::new())
    }

    pub(crate) fn transactional(&self) -> TransactionalProducer {
        KafkaProducer::transactional(self.producer_config(), &self.id).expect("a producer")
    }

    pub(crate) fn consumer_config(&self) -> ConsumerConfig {
        let config = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .property("heartbeat.interval.ms", "200")
            .build();
        ConsumerConfig::from(config.expect("valid settings")).observer(Observer::new())
    }

    /// Nothing but brokers and group: for KIP-848, where session and heartbeat are the broker's.
    pub(crate) fn bare_config(&self) -> ConsumerConfig {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), &self.group);
        config.expect("valid settings").observer(Observer::new())
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        KafkaConsumer::new(self.consumer_config())
            .and_then(|consumer| consumer.subscribe([&self.source]))
            .expect("a valid consumer")
    }

    pub(crate) fn exactly_once(&self) -> ExactlyOnceConsumer {
        let consumer = self.consumer().exactly_once(&self.id);
        consumer.producer(self.producer_config())
    }

    /// Sends the numbers from 0 to each partition.
    pub(crate) fn fill(&self, count: usize) {
        self.fill_from(0, count);
    }

    /// Sends `count` numbers from `first` on to each partition.
    pub(crate) fn fill_from(&self, first: usize, count: usize) {
        let producer = KafkaProducer::new(self.producer_config()).expect("a producer");
        for number in first..first + count {
            let payload = number.to_string();
            for partition in 0..self.partitions {
                let record = Record::to(&self.source).partition(partition);
                let sent = producer.send_record(record.payload(&payload));
                sent.expect("room in the queue");
            }
        }
        let report = producer.close(SOON);
        assert!(report.is_complete(), "{report:?}");
    }

    pub(crate) fn committed(&self) -> Vec<i64> {
        let of = |partition| {
            self.kafka
                .committed_offset(&self.group, &self.source, partition)
        };
        (0..self.partitions)
            .map(|partition| of(partition).unwrap_or_default())
            .collect()
    }

    /// Waits until the group has committed `count` messages of each partition.
    pub(crate) fn all_committed(&self, count: usize, handle: &ConsumerHandle) {
        let end = Instant::now() + 2 * SOON;
        let expected = vec![count as i64; self.partitions as usize];
        while self.committed() != expected {
            let committed = self.committed();
            assert!(
                Instant::now() < end,
                "{committed:?}: {:#?}",
                handle.status()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// That each result of `count` numbers is in the sink once, and in the order of each partition.
    #[track_caller]
    pub(crate) fn assert_each_once(&self, count: usize) {
        for (partition, values) in (0..).zip(self.read(&self.sink)) {
            for (expected, value) in values.iter().enumerate() {
                assert_eq!(*value, expected.to_string(), "partition {partition}");
            }
            assert_eq!(values.len(), count, "results of partition {partition}");
        }
    }

    /// The payloads of each partition of `topic` that a reader of committed messages sees: header
    /// names come before them.
    pub(crate) fn read(&self, topic: &str) -> Vec<Vec<String>> {
        read(self.kafka, topic, "read_committed", text)
    }

    /// The same with what is not committed.
    pub(crate) fn read_all(&self, topic: &str) -> Vec<Vec<String>> {
        read(self.kafka, topic, "read_uncommitted", text)
    }

    /// The keys and payloads in the sink that a reader of committed messages sees, as they are.
    pub(crate) fn read_sink(&self) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
        read(self.kafka, &self.sink, "read_committed", |message| {
            let payload = message.payload().unwrap_or_default();
            (message.key().map(<[u8]>::to_vec), payload.to_vec())
        })
        .concat()
    }
}

fn text(message: &BorrowedMessage<'_>) -> String {
    let payload = message.payload().unwrap_or_default();
    let text = String::from_utf8_lossy(payload);
    match message.headers() {
        Some(headers) => {
            let names: Vec<&str> = headers.iter().map(|header| header.key).collect();
            format!("{} {text}", names.join(","))
        }
        None => text.into_owned(),
    }
}

/// What `of` makes of the messages of each partition, up to their present ends.
fn read<T: Clone>(
    kafka: &Brokers,
    topic: &str,
    isolation: &str,
    of: impl Fn(&BorrowedMessage<'_>) -> T,
) -> Vec<Vec<T>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.plain_bootstrap())
        .set("group.id", unique("reader"))
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a reader");
    let metadata = consumer.fetch_metadata(Some(topic), SOON);
    let metadata = metadata.expect("the topic's partitions");
    let count = metadata.topics()[0].partitions().len();
    let mut list = TopicPartitionList::new();
    for partition in 0..count as i32 {
        let added = list.add_partition_offset(topic, partition, Offset::Beginning);
        added.expect("an offset");
    }
    consumer.assign(&list).expect("an assignment");
    let mut found = vec![Vec::new(); count];
    let mut ended = BTreeSet::new();
    let end = Instant::now() + SOON;
    while ended.len() < count {
        assert!(Instant::now() < end, "{topic} is not read to its end");
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                found[message.partition() as usize].push(of(&message));
                ended.remove(&message.partition());
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    found
}

pub(crate) fn ready(handle: &ConsumerHandle) {
    assert!(handle.wait_ready(SOON), "{:?}", handle.status());
}

/// Stops a worker that has nothing to leave undone.
pub(crate) fn stop(handle: &ConsumerHandle) {
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
}

#[track_caller]
pub(crate) fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}
