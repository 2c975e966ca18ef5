use integration_tests::{Brokers, Kafka, TopicRecord, eventually, unique, unique_topic};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{
    Backoff, ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer, MessageBatch,
};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use integration_tests::Gate;

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Longer than a test takes: a batch does not go out by its age.
pub(crate) const NEVER: Duration = Duration::from_secs(1800);

/// A topic, a queue for its dead letters, a group and an observer that no other test uses.
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
        let scene = Scene::without_queue(Kafka::shared(), partitions);
        scene.create_queue();
        scene
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn without_queue(kafka: &'a Brokers, partitions: i32) -> Self {
        let topic = unique_topic("batch");
        kafka.create_topic(&topic, partitions);
        Self {
            kafka,
            queue: format!("{topic}.dlq"),
            topic,
            partitions,
            group: unique("group"),
            observer: Observer::new(),
        }
    }

    pub(crate) fn create_queue(&self) {
        self.kafka.create_topic(&self.queue, 1);
    }

    pub(crate) fn config(&self) -> ConsumerConfig {
        let config = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .readyz_lag_timeout(2 * NEVER)
            .property("heartbeat.interval.ms", "200")
            .build();
        ConsumerConfig::from(config.expect("valid settings")).observer(self.observer.clone())
    }

    pub(crate) fn consumer_of(&self, config: ConsumerConfig) -> KafkaConsumer {
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
    }

    /// Batches of ten, each message three attempts, then the queue.
    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.consumer_of(self.config())
            .batch_max_messages(10)
            .batch_max_wait(NEVER)
            .dead_letter_queue(&self.queue)
            .max_retries(2)
            .retry_backoff(Backoff::fixed(Duration::from_millis(20)))
    }

    pub(crate) fn producer_config(&self) -> ProducerConfig {
        let config = ProducerConfig::new(self.kafka.bootstrap()).expect("valid settings");
        config.observer(Observer::new())
    }

    /// Sends `count` numbers to each partition.
    pub(crate) fn fill(&self, count: usize) {
        let payloads: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        self.send(&payloads);
    }

    /// Sends the same to each partition.
    pub(crate) fn send(&self, payloads: &[impl AsRef<[u8]>]) {
        let producer = KafkaProducer::new(self.producer_config()).expect("a producer");
        for payload in payloads {
            for partition in 0..self.partitions {
                let record = Record::to(&self.topic).partition(partition);
                let sent = producer.send_record(record.payload(payload.as_ref()));
                sent.expect("room in the queue");
            }
        }
        let report = producer.close(SOON);
        assert!(report.is_complete(), "{report:?}");
    }

    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        self.kafka
            .committed_offset(&self.group, &self.topic, partition)
    }

    pub(crate) fn all_committed(&self) -> Vec<i64> {
        (0..self.partitions)
            .map(|partition| self.committed(partition).unwrap_or_default())
            .collect()
    }

    /// Where the letters in the queue came from: partitions and offsets, in their order.
    pub(crate) fn letters(&self) -> Vec<(i32, i64)> {
        let letters = self.kafka.read(&self.queue);
        letters.iter().map(TopicRecord::origin).collect()
    }
}

/// A batch that a handler was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) partition: i32,
    pub(crate) offsets: Vec<i64>,
    pub(crate) attempt: u32,
    pub(crate) bytes: usize,
}

/// What handlers were given, in the order in which they were.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Given>>>);

impl Journal {
    pub(crate) fn note(&self, batch: &MessageBatch) {
        let bytes = |msg: &ConsumerContext| msg.payload().map_or(0, <[u8]>::len);
        self.0.lock().unwrap().push(Given {
            partition: batch.partition(),
            offsets: batch.iter().map(ConsumerContext::offset).collect(),
            attempt: batch.attempt(),
            bytes: batch.iter().map(bytes).sum(),
        });
    }

    pub(crate) fn all(&self) -> Vec<Given> {
        self.0.lock().unwrap().clone()
    }

    /// The batches of one partition: offsets and attempt.
    pub(crate) fn of(&self, partition: i32) -> Vec<(Vec<i64>, u32)> {
        let all = self.all().into_iter();
        let of_partition = all.filter(|given| given.partition == partition);
        of_partition
            .map(|given| (given.offsets, given.attempt))
            .collect()
    }

    /// The offsets of one partition, as they came.
    pub(crate) fn offsets(&self, partition: i32) -> Vec<i64> {
        let batches = self.of(partition).into_iter();
        batches.flat_map(|(offsets, _)| offsets).collect()
    }

    pub(crate) fn messages(&self) -> usize {
        self.all().iter().map(|given| given.offsets.len()).sum()
    }
}

#[track_caller]
pub(crate) fn soon(condition: impl FnMut() -> bool) {
    eventually(SOON, condition);
}

/// Stops a worker that has nothing to leave undone.
#[track_caller]
pub(crate) fn stop(handle: &ConsumerHandle) {
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
}
