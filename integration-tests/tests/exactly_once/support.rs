use integration_tests::{Brokers, Kafka, TopicRecord, unique, unique_topic};
use rws_kafka_consumer::ExactlyOnceConsumer;
use rws_kafka_producer::{KafkaProducer, TransactionalProducer};
use std::ops::Deref;

/// A scene with a topic to write to and a transactional id.
pub(crate) struct Scene<'a> {
    scene: integration_tests::Scene<'a>,
    pub(crate) sink: String,
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
        let sink = unique_topic("sink");
        kafka.create_topic(&sink, partitions);
        Self {
            scene: integration_tests::Scene::on(kafka, partitions),
            sink,
            id: unique("transactions"),
        }
    }

    pub(crate) fn transactional(&self) -> TransactionalProducer {
        KafkaProducer::transactional(self.producer_config(), &self.id).expect("a producer")
    }

    pub(crate) fn exactly_once(&self) -> ExactlyOnceConsumer {
        let consumer = self.consumer().exactly_once(&self.id);
        consumer.producer(self.producer_config())
    }

    /// Asserts that each result of `count` numbers is in the sink once, and that each partition is
    /// in order.
    #[track_caller]
    pub(crate) fn assert_each_once(&self, count: usize) {
        for (partition, values) in (0..).zip(self.read(&self.sink)) {
            for (expected, value) in values.iter().enumerate() {
                assert_eq!(*value, expected.to_string(), "partition {partition}");
            }
            assert_eq!(values.len(), count, "results of partition {partition}");
        }
    }

    /// Returns the payloads of each partition of `topic` that a reader of committed messages sees:
    /// header names come before them.
    #[track_caller]
    pub(crate) fn read(&self, topic: &str) -> Vec<Vec<String>> {
        self.by_partition(&self.kafka.read(topic))
    }

    /// Returns the same with what is not committed.
    #[track_caller]
    pub(crate) fn read_all(&self, topic: &str) -> Vec<Vec<String>> {
        self.by_partition(&self.kafka.read_uncommitted(topic))
    }

    /// Returns the keys and payloads in the sink that a reader of committed messages sees, as they
    /// are.
    #[track_caller]
    pub(crate) fn read_sink(&self) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
        let mut records = self.kafka.read(&self.sink);
        records.sort_by_key(|record| record.partition);
        let records = records.into_iter();
        records
            .map(|record| (record.key, record.payload.unwrap_or_default()))
            .collect()
    }

    fn by_partition(&self, records: &[TopicRecord]) -> Vec<Vec<String>> {
        let mut found = vec![Vec::new(); self.partitions as usize];
        for record in records {
            found[record.partition as usize].push(text(record));
        }
        found
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.scene
    }
}

fn text(record: &TopicRecord) -> String {
    let text = String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default());
    match &record.header_names()[..] {
        [] => text.into_owned(),
        names => format!("{} {text}", names.join(",")),
    }
}
