//! Topics and offsets, through a client of our own on the plain listener.

use std::{
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{BaseProducer, Producer},
    types::RDKafkaErrorCode,
};

use super::{Kafka, OPERATION};
use crate::{runtime::run, wait::eventually};

impl Kafka {
    /// Creates a topic and waits until every partition has a leader.
    ///
    /// # Panics
    ///
    /// When the broker refuses, or does not answer in time.
    #[track_caller]
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Creates a topic with topic settings and waits until every partition has a leader.
    ///
    /// # Panics
    ///
    /// When the broker refuses, or does not answer in time.
    #[track_caller]
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin = self.admin();
        let result = run(OPERATION, || async {
            let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
            for (name, value) in settings {
                new = new.set(name, value);
            }
            admin.create_topics([&new], &AdminOptions::new()).await
        });
        match result.map(|mut topics| topics.pop()) {
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err((_, code)))) => panic!("cannot create topic {name}: {code}"),
            Ok(None) => panic!("cannot create topic {name}: no answer"),
            Err(error) => panic!("cannot create topic {name}: {error}"),
        }
        let producer: BaseProducer = self.client().create().expect("a client");
        let expected = usize::try_from(partitions).expect("a positive partition count");
        eventually(OPERATION, || {
            let metadata = producer.client().fetch_metadata(Some(name), OPERATION);
            metadata.is_ok_and(|metadata| {
                metadata.topics().iter().any(|topic| {
                    topic.partitions().len() == expected
                        && topic.partitions().iter().all(|p| p.leader() >= 0)
                })
            })
        });
    }

    /// Deletes a topic.
    ///
    /// # Panics
    ///
    /// When the broker refuses, or does not answer in time.
    #[track_caller]
    pub fn delete_topic(&self, name: &str) {
        let admin = self.admin();
        let result = run(OPERATION, || async {
            admin.delete_topics(&[name], &AdminOptions::new()).await
        });
        match result.map(|mut topics| topics.pop()) {
            Ok(Some(Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)))) => {}
            Ok(Some(Err((_, code)))) => panic!("cannot delete topic {name}: {code}"),
            Ok(None) => panic!("cannot delete topic {name}: no answer"),
            Err(error) => panic!("cannot delete topic {name}: {error}"),
        }
    }

    /// The next offset that `group` has committed for a partition, or `None`.
    ///
    /// # Panics
    ///
    /// When the broker does not answer in time.
    #[track_caller]
    pub fn committed_offset(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", group)
            .create()
            .expect("a client");
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let end = Instant::now() + OPERATION;
        let answer = loop {
            match consumer.committed_offsets(asked.clone(), OPERATION) {
                Ok(answer) => break answer,
                // A broker that has just started, or just made its offsets topic.
                Err(error) if is_coordinator_moving(&error) && Instant::now() < end => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => panic!("the offset of {group} in {topic} [{partition}]: {error}"),
            }
        };
        match answer.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The offset that a partition's next message will get.
    ///
    /// # Panics
    ///
    /// When the broker does not answer in time, or has no such partition.
    #[track_caller]
    pub fn end_offset(&self, topic: &str, partition: i32) -> i64 {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let deadline = Instant::now() + OPERATION;
        loop {
            match consumer.fetch_watermarks(topic, partition, OPERATION) {
                Ok((_, end)) => return end,
                // The topic is new, and its leader does not know yet that it is.
                Err(error) if is_leader_moving(&error) && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => panic!("the end of {topic} [{partition}]: {error}"),
            }
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("a client")
    }
}

fn is_leader_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable)
    )
}

fn is_coordinator_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}
