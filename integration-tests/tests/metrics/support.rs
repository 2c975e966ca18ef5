use integration_tests::{Brokers, Kafka, close, metric};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_config::{KafkaConfig, OffsetReset};
use rws_kafka_consumer::{ConsumerConfig, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::ops::{Deref, Range};

/// A scene whose clients have names.
pub(crate) struct Scene<'a>(integration_tests::Scene<'a>);

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        Self::with(partitions, &[])
    }

    /// Creates a scene whose topic has these settings.
    pub(crate) fn with(partitions: i32, settings: &[(&str, &str)]) -> Self {
        Scene::on(Kafka::shared(), partitions, settings)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32, settings: &[(&str, &str)]) -> Self {
        Self(integration_tests::Scene::with(kafka, partitions, settings))
    }

    /// Returns settings with the group as client id.
    pub(crate) fn config(&self, reset: OffsetReset) -> ConsumerConfig {
        self.config_of(|config| config.client_id(&self.group).auto_offset_reset(reset))
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.consumer_of(self.config(OffsetReset::Earliest))
    }

    /// Returns a producer whose client id is the topic and which reports to `observer`.
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

    /// Returns the value of a series of the page whose labels are `group` and others.
    pub(crate) fn of_group(&self, family: &str, labels: &str) -> Option<f64> {
        let group = &self.group;
        let series = format!("{family}{{group=\"{group}\"{labels}}}");
        metric(&self.observer, &series)
    }

    /// Returns the value of a series whose labels are `group` and `topic`.
    pub(crate) fn of_topic(&self, family: &str) -> Option<f64> {
        self.of_group(family, &format!(",topic=\"{}\"", self.topic))
    }

    /// Returns the lag of a partition on the page.
    pub(crate) fn lag(&self, partition: i32) -> Option<i64> {
        lag_on(&self.observer, self, partition)
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

pub(crate) fn lag_on(observer: &Observer, scene: &Scene<'_>, partition: i32) -> Option<i64> {
    let series = format!(
        "rws_kafka_consumer_lag{{group=\"{}\",partition=\"{partition}\",topic=\"{}\"}}",
        scene.group, scene.topic
    );
    metric(observer, &series).map(|lag| lag as i64)
}
