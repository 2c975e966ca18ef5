use integration_tests::{Kafka, eventually, unique, unique_topic};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_config::{KafkaConfig, OffsetReset};
use rws_kafka_consumer::{ConsumerConfig, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::ops::Range;
use std::time::Duration;

pub(crate) use integration_tests::Gate;

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A topic, a group and an observer that no other test uses.
pub(crate) struct Scene<'a> {
    pub(crate) kafka: &'a Kafka,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) observer: Observer,
}

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        Self::with(partitions, &[])
    }

    /// The same, with settings of the topic.
    pub(crate) fn with(partitions: i32, settings: &[(&str, &str)]) -> Self {
        Scene::on(Kafka::shared(), partitions, settings)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Kafka, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let topic = unique_topic("metrics");
        kafka.create_topic_with(&topic, partitions, settings);
        Self {
            kafka,
            topic,
            group: unique("group"),
            observer: Observer::new(),
        }
    }

    pub(crate) fn config(&self, reset: OffsetReset) -> ConsumerConfig {
        let config = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .client_id(&self.group)
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .property("heartbeat.interval.ms", "200")
            .auto_offset_reset(reset)
            .build()
            .expect("valid settings");
        ConsumerConfig::from(config).observer(self.observer.clone())
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.consumer_of(self.config(OffsetReset::Earliest))
    }

    pub(crate) fn consumer_of(&self, config: ConsumerConfig) -> KafkaConsumer {
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
    }

    /// A producer whose client id is the topic, telling `observer`.
    pub(crate) fn producer(&self, observer: &Observer) -> KafkaProducer {
        let config = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .client_id(&self.topic)
            .build()
            .expect("valid settings");
        let config = ProducerConfig::from(config).observer(observer.clone());
        KafkaProducer::new(config).expect("a producer")
    }

    /// Sends `count` messages of 8 bytes and one key to each of `partitions`, unobserved.
    pub(crate) fn fill(&self, partitions: Range<i32>, count: usize) {
        let producer = self.producer(&Observer::new());
        for number in 0..count {
            let payload = format!("{number:05}");
            for partition in partitions.clone() {
                let record = Record::to(&self.topic).partition(partition).key("key");
                let sent = producer.send_record(record.payload(&payload));
                sent.expect("room in the queue");
            }
        }
        close(&producer);
    }

    /// Truncates partition 0.
    pub(crate) fn delete_before(&self, offset: i64) {
        let admin: AdminClient<_> = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap())
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, 0, Offset::Offset(offset))
            .unwrap();
        let options = AdminOptions::new();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime
            .block_on(admin.delete_records(&list, &options))
            .unwrap();
    }

    /// The value of a series of the page whose labels are `group` and others.
    pub(crate) fn of_group(&self, family: &str, labels: &str) -> Option<f64> {
        let group = &self.group;
        value(
            &self.observer,
            &format!("{family}{{group=\"{group}\"{labels}}}"),
        )
    }

    /// The value of a series whose labels are `group` and `topic`.
    pub(crate) fn of_topic(&self, family: &str) -> Option<f64> {
        self.of_group(family, &format!(",topic=\"{}\"", self.topic))
    }

    /// The lag of a partition on the page.
    pub(crate) fn lag(&self, partition: i32) -> Option<i64> {
        lag_on(&self.observer, self, partition)
    }
}

pub(crate) fn lag_on(observer: &Observer, scene: &Scene<'_>, partition: i32) -> Option<i64> {
    let series = format!(
        "rws_kafka_consumer_lag{{group=\"{}\",partition=\"{partition}\",topic=\"{}\"}}",
        scene.group, scene.topic
    );
    value(observer, &series).map(|lag| lag as i64)
}

/// The value of the series that is written so on the page.
pub(crate) fn value(observer: &Observer, series: &str) -> Option<f64> {
    let page = observer.render();
    let value = page.lines().find_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        (name == series).then_some(value)
    })?;
    Some(value.parse().unwrap())
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

#[track_caller]
pub(crate) fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}
