use integration_tests::{Brokers, Kafka, SOON, TopicRecord};
use rws_kafka::{ConsumerConfig, KafkaProducer, Observer, Record, Replay, ReplayReport};
use std::ops::Deref;

/// A scene with dead letters in a queue with as many partitions as the topic.
pub(crate) struct Scene<'a> {
    scene: integration_tests::Scene<'a>,
    pub(crate) producer: KafkaProducer,
}

impl Scene<'static> {
    pub(crate) fn new(partitions: i32) -> Self {
        Self::with(partitions, &[])
    }

    /// With these settings of the topic.
    pub(crate) fn with(partitions: i32, settings: &[(&str, &str)]) -> Self {
        Self::on(Kafka::shared(), partitions, settings)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let scene = integration_tests::Scene::with(kafka, partitions, settings);
        scene.create_queue(partitions);
        Self {
            producer: scene.producer(),
            scene,
        }
    }

    pub(crate) fn config(&self) -> ConsumerConfig {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), "not used");
        config.expect("valid settings").observer(Observer::new())
    }

    /// Returns a replay without a rate limit.
    pub(crate) fn replay(&self) -> Replay {
        Replay::new(self.config(), &self.queue)
            .group(&self.group)
            .rate(10_000)
    }

    /// Returns a dead letter of the topic as a worker writes it, in partition 0 of the queue.
    pub(crate) fn letter<'r>(&'r self, payload: &'r str) -> Record<'r> {
        Record::to(&self.queue)
            .partition(0)
            .payload(payload)
            .header("rws-dlq-original-topic", self.topic.as_str())
            .header("rws-dlq-original-partition", "0")
            .header("rws-dlq-original-offset", "17")
            .header("rws-dlq-consumer-group", "fulfilment")
            .header("rws-dlq-error-reason", "no such order")
            .header("rws-dlq-attempts", "4")
    }

    pub(crate) fn send(&self, record: Record<'_>) {
        self.producer.send_record(record).expect("room");
    }

    /// Sends dead letters with the payloads 0 to `count`, to each partition of the queue in turn.
    pub(crate) fn fill(&self, count: usize) {
        for number in 0..count {
            let partition = (number % self.partitions as usize) as i32;
            let payload = number.to_string();
            self.send(self.letter(&payload).key(&payload).partition(partition));
        }
        self.flush();
    }

    pub(crate) fn flush(&self) {
        let report = self.producer.flush(SOON);
        assert!(report.is_complete(), "{report:?}");
    }

    pub(crate) fn written(&self) -> Vec<TopicRecord> {
        self.kafka.read(&self.topic)
    }

    /// Returns the payloads that were brought back, sorted.
    pub(crate) fn payloads(&self) -> Vec<String> {
        let written = self.written();
        let mut payloads: Vec<String> = written.iter().map(TopicRecord::payload_text).collect();
        payloads.sort();
        payloads
    }

    /// Returns what the replay has committed for a partition of the queue.
    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        let kafka = self.kafka;
        kafka.committed_offset(&self.group, &self.queue, partition)
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.scene
    }
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn complete(replay: &Replay) -> ReplayReport {
    let handle = replay.start().expect("it starts");
    let report = handle.join_timeout(2 * SOON).expect("it ends");
    assert!(report.is_complete(), "{report:?}");
    report
}
