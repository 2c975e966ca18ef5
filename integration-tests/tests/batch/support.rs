use integration_tests::{Brokers, Kafka, TopicRecord};
use rws_kafka_consumer::{Backoff, ConsumerConfig, ConsumerContext, KafkaConsumer, MessageBatch};
use std::ops::Deref;
use std::time::Duration;

/// Longer than a test takes, so that no batch is handed out because of its age.
pub(crate) const NEVER: Duration = Duration::from_secs(1800);

/// A scene with a dead letter queue.
pub(crate) struct Scene<'a>(integration_tests::Scene<'a>);

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        let scene = Scene::without_queue(Kafka::shared(), partitions);
        scene.create_queue(1);
        scene
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn without_queue(kafka: &'a Brokers, partitions: i32) -> Self {
        Self(integration_tests::Scene::on(kafka, partitions))
    }

    /// Returns a worker that is ready while its batches wait.
    pub(crate) fn config(&self) -> ConsumerConfig {
        self.config_of(|config| config.readyz_lag_timeout(2 * NEVER))
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

    /// Returns the origins of the dead letters: partitions and offsets, in their order.
    pub(crate) fn origins(&self) -> Vec<(i32, i64)> {
        self.kafka
            .read(&self.queue)
            .iter()
            .map(TopicRecord::origin)
            .collect()
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
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

impl From<&MessageBatch> for Given {
    fn from(batch: &MessageBatch) -> Self {
        let bytes = |msg: &ConsumerContext| msg.payload().map_or(0, <[u8]>::len);
        Self {
            partition: batch.partition(),
            offsets: batch.iter().map(ConsumerContext::offset).collect(),
            attempt: batch.attempt(),
            bytes: batch.iter().map(bytes).sum(),
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Journal(integration_tests::JournalOf<Given>);

impl Journal {
    /// Returns the batches of one partition: offsets and attempt.
    pub(crate) fn of(&self, partition: i32) -> Vec<(Vec<i64>, u32)> {
        let all = self.all().into_iter();
        let of_partition = all.filter(|given| given.partition == partition);
        of_partition
            .map(|given| (given.offsets, given.attempt))
            .collect()
    }

    /// Returns the offsets of one partition, as they came.
    pub(crate) fn offsets(&self, partition: i32) -> Vec<i64> {
        let batches = self.of(partition).into_iter();
        batches.flat_map(|(offsets, _)| offsets).collect()
    }

    pub(crate) fn messages(&self) -> usize {
        self.all().iter().map(|given| given.offsets.len()).sum()
    }
}

impl Deref for Journal {
    type Target = integration_tests::JournalOf<Given>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
