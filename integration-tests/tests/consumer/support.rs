use integration_tests::{Brokers, Kafka, eventually, eventually_some, unique, unique_topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use integration_tests::Gate;

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A topic, a group and an observer that no other test uses.
pub(crate) struct Scene<'a> {
    pub(crate) kafka: &'a Brokers,
    pub(crate) topic: String,
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
        let topic = unique_topic("consumer");
        kafka.create_topic(&topic, partitions);
        Self {
            kafka,
            topic,
            partitions,
            group: unique("group"),
            observer: Observer::new(),
        }
    }

    pub(crate) fn config(&self) -> ConsumerConfig {
        self.config_of(|config| config)
    }

    /// Nothing but brokers and group: for KIP-848, where session and heartbeat are the broker's.
    pub(crate) fn bare_config(&self) -> ConsumerConfig {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), &self.group);
        config
            .expect("valid settings")
            .observer(self.observer.clone())
    }

    /// With a rebalance noticed at once, and a killed member within 6 s.
    pub(crate) fn config_of(
        &self,
        change: impl FnOnce(
            rws_kafka_config::KafkaConfigBuilder,
        ) -> rws_kafka_config::KafkaConfigBuilder,
    ) -> ConsumerConfig {
        let builder = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .property("heartbeat.interval.ms", "200");
        let config = change(builder).build().expect("valid settings");
        ConsumerConfig::from(config).observer(self.observer.clone())
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.consumer_of(self.config())
    }

    pub(crate) fn consumer_of(&self, config: ConsumerConfig) -> KafkaConsumer {
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
    }

    pub(crate) fn producer(&self) -> KafkaProducer {
        let config = ProducerConfig::new(self.kafka.plain_bootstrap()).expect("valid settings");
        KafkaProducer::new(config.observer(Observer::new())).expect("a producer")
    }

    /// Sends `count` messages to each partition.
    pub(crate) fn fill(&self, count: usize) {
        self.fill_partitions(0..self.partitions, count);
    }

    pub(crate) fn fill_partitions(&self, partitions: Range<i32>, count: usize) {
        let producer = self.producer();
        for number in 0..count {
            let payload = number.to_string();
            for partition in partitions.clone() {
                let record = Record::to(&self.topic).partition(partition);
                let sent = producer.send_record(record.payload(&payload));
                sent.expect("room in the queue");
            }
        }
        close(&producer);
    }

    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        self.kafka
            .committed_offset(&self.group, &self.topic, partition)
    }

    /// The committed offset of each partition; 0 where there is none.
    pub(crate) fn all_committed(&self) -> Vec<i64> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.plain_bootstrap())
            .set("group.id", &self.group)
            .create()
            .expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, self.partitions - 1);
        // A broker that has just started refuses once or twice.
        let answer = eventually_some(SOON, || client.committed_offsets(list.clone(), SOON).ok());
        answer
            .elements()
            .iter()
            .map(|element| match element.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            })
            .collect()
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

/// Stops a worker that has nothing to leave undone.
pub(crate) fn stop(handle: &ConsumerHandle) {
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
}

/// What handlers were given, in the order in which they were.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Given>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) attempt: u32,
}

impl Journal {
    pub(crate) fn note(&self, msg: &ConsumerContext) {
        self.add(msg.partition(), msg.offset(), msg.attempt());
    }

    pub(crate) fn add(&self, partition: i32, offset: i64, attempt: u32) {
        self.0.lock().unwrap().push(Given {
            partition,
            offset,
            attempt,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn all(&self) -> Vec<Given> {
        self.0.lock().unwrap().clone()
    }

    /// The offsets of one partition.
    pub(crate) fn of(&self, partition: i32) -> Vec<i64> {
        let all = self.0.lock().unwrap();
        let of_partition = all.iter().filter(|given| given.partition == partition);
        of_partition.map(|given| given.offset).collect()
    }

    /// The offsets of each partition without those that came before.
    fn first_deliveries(&self) -> BTreeMap<i32, Vec<i64>> {
        let mut seen = std::collections::HashSet::new();
        let mut first: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for given in self.0.lock().unwrap().iter() {
            if seen.insert((given.partition, given.offset)) {
                first.entry(given.partition).or_default().push(given.offset);
            }
        }
        first
    }

    /// How many different messages were given.
    pub(crate) fn distinct(&self) -> usize {
        self.first_deliveries().values().map(Vec::len).sum()
    }

    /// Nothing lost, and in the order of each partition; duplicates are allowed.
    #[track_caller]
    pub(crate) fn assert_none_lost(&self, ends: &[i64]) {
        let first = self.first_deliveries();
        for (partition, end) in (0..).zip(ends) {
            let offsets = first.get(&partition).cloned().unwrap_or_default();
            assert_in_order(partition, &offsets, *end);
        }
    }

    /// Nothing lost, nothing twice, and in the order of each partition.
    #[track_caller]
    pub(crate) fn assert_each_once(&self, ends: &[i64]) {
        for (partition, end) in (0..).zip(ends) {
            assert_in_order(partition, &self.of(partition), *end);
        }
    }
}

/// That `offsets` are 0 to `end`, without printing thousands of them when not.
#[track_caller]
fn assert_in_order(partition: i32, offsets: &[i64], end: i64) {
    for (expected, offset) in (0..).zip(offsets) {
        assert_eq!(*offset, expected, "partition {partition}");
    }
    assert_eq!(offsets.len() as i64, end, "messages of {partition}");
}

/// Waits until `journal` has `count` different messages; tells how the worker stands when it does
/// not come to that.
#[track_caller]
pub(crate) fn reaches(journal: &Journal, count: usize, handle: &ConsumerHandle) {
    let end = Instant::now() + 2 * SOON;
    while journal.distinct() < count {
        let status = handle.status();
        let seen = journal.distinct();
        assert!(Instant::now() < end, "{seen} of {count}: {status:#?}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
pub(crate) fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}
