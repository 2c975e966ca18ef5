//! Manages topics and offsets, through our own client on the plain listener.

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

use super::{Brokers, OPERATION};
use crate::{
    runtime::run,
    wait::{SOON, eventually, eventually_some},
};

/// The timeout of one broker of several, or of one attempt of several.
const ATTEMPT: Duration = Duration::from_secs(3);

impl Brokers {
    /// Creates a topic, on every broker, and waits until every partition has a leader.
    ///
    /// # Panics
    ///
    /// Panics if a broker of them is gone or refuses, or does not answer in time.
    #[track_caller]
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Creates a topic with topic settings, on every broker, and waits until every partition has a
    /// leader.
    ///
    /// # Panics
    ///
    /// Panics if a broker of them is gone or refuses, or does not answer in time.
    #[track_caller]
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin = self.admin();
        let result = run(OPERATION, || async {
            let mut new = NewTopic::new(
                name,
                partitions,
                TopicReplication::Fixed(self.replication()),
            );
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
        self.wait_for_leaders(name, partitions);
    }

    /// Waits until each broker knows a leader of each partition.
    fn wait_for_leaders(&self, name: &str, partitions: i32) {
        let expected = usize::try_from(partitions).expect("a positive partition count");
        // Asks each broker, because one may learn of the topic later than another.
        eventually(OPERATION, || {
            let known: Vec<bool> = self
                .plain_bootstrap()
                .split(',')
                .filter_map(|address| self.has_leaders(address, name, expected))
                .collect();
            !known.is_empty() && known.iter().all(|&known| known)
        });
    }

    /// Deletes a topic and creates it again within milliseconds, and waits until every partition
    /// has a leader.
    ///
    /// # Panics
    ///
    /// Panics if the broker refuses, or does not answer in time.
    #[track_caller]
    pub fn recreate_topic(&self, name: &str, partitions: i32) {
        let admin = self.admin();
        let new = NewTopic::new(
            name,
            partitions,
            TopicReplication::Fixed(self.replication()),
        );
        let result = run(OPERATION, || async {
            let options = AdminOptions::new();
            let mut deleted = admin.delete_topics(&[name], &options).await?;
            let mut created = admin.create_topics([&new], &options).await?;
            Ok::<_, KafkaError>((deleted.pop(), created.pop()))
        });
        match result {
            Ok((Some(Ok(_)), Some(Ok(_)))) => {}
            other => panic!("cannot recreate topic {name}: {other:?}"),
        }
        self.wait_for_leaders(name, partitions);
    }

    /// Deletes a topic.
    ///
    /// # Panics
    ///
    /// Panics if the broker refuses, or does not answer in time.
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

    /// Returns the next offset that `group` has committed for a partition, or `None`.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer in time.
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
                // The broker has just started, or has just created its offsets topic.
                Err(error) if is_coordinator_moving(&error) && Instant::now() < end => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => {
                    panic!("cannot read the offset of {group} in {topic} [{partition}]: {error}")
                }
            }
        };
        match answer.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// Returns what `group` has committed for each partition of a topic with so many.
    ///
    /// # Panics
    ///
    /// Panics if no broker answers within [`SOON`], however they refuse until then.
    #[track_caller]
    pub fn committed_offsets(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", group)
            .create()
            .expect("a client");
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, partitions - 1);
        // A broker that has just started refuses once or twice, and a group's next coordinator,
        // too.
        let answer = eventually_some(SOON, || {
            consumer.committed_offsets(asked.clone(), SOON).ok()
        });
        let offsets = answer.elements();
        let offsets = offsets.iter().map(|element| match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        });
        offsets.collect()
    }

    /// Returns the offset that a partition's next message will get.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer in time, or has no such partition.
    #[track_caller]
    pub fn end_offset(&self, topic: &str, partition: i32) -> i64 {
        let end = Instant::now() + OPERATION;
        loop {
            // A new client each time, because a client keeps a dead leader for longer than this
            // waits.
            let consumer: BaseConsumer = self.client().create().expect("a client");
            match consumer.fetch_watermarks(topic, partition, ATTEMPT) {
                Ok((_, offset)) => return offset,
                // The topic is new to its leader, or has to get another one.
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
                Err(error) => panic!("cannot read the end of {topic} [{partition}]: {error}"),
            }
        }
    }

    /// Returns `Some(true)` if the broker at `address` knows a leader of each partition, and `None`
    /// if it does not answer.
    fn has_leaders(&self, address: &str, topic: &str, partitions: usize) -> Option<bool> {
        let client: BaseProducer = self
            .client()
            .set("bootstrap.servers", address)
            .create()
            .expect("a client");
        let metadata = client.client().fetch_metadata(Some(topic), ATTEMPT).ok()?;
        let found = metadata.topics().first()?.partitions();
        Some(found.len() == partitions && found.iter().all(|p| p.leader() >= 0))
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("a client")
    }
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
