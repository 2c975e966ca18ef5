//! The topic, group and observer of a test of workers.

mod clients;
mod contents;

use rws_kafka::Observer;

use crate::{
    jobs::Place,
    kafka::{Brokers, Kafka},
    names::{unique, unique_topic},
};

/// A topic, a name for its dead letter queue, a group and an observer that no other test uses.
///
/// An area of tests that needs more wraps it in a type of its own.
#[derive(Debug)]
pub struct Scene<'a> {
    /// Where the topic is.
    pub kafka: &'a Brokers,
    /// The topic.
    pub topic: String,
    /// The name of the dead letter queue: the topic's with `.dlq`. The test creates it.
    pub queue: String,
    /// The number of partitions of the topic.
    pub partitions: i32,
    /// The consumer group.
    pub group: String,
    /// The observer of the workers.
    pub observer: Observer,
}

impl Scene<'static> {
    /// Creates a topic on the broker that all tests share.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created.
    #[track_caller]
    pub fn new(partitions: i32) -> Self {
        Scene::on(Kafka::shared(), partitions)
    }
}

impl<'a> Scene<'a> {
    /// Creates a topic on these brokers.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created.
    #[track_caller]
    pub fn on(kafka: &'a Brokers, partitions: i32) -> Self {
        Scene::with(kafka, partitions, &[])
    }

    /// Creates a topic with topic settings on these brokers.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created.
    #[track_caller]
    pub fn with(kafka: &'a Brokers, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let scene = Scene::without_topic(kafka, partitions);
        kafka.create_topic_with(&scene.topic, partitions, settings);
        scene
    }

    /// Chooses the names and creates nothing; `partitions` is what the topic will have.
    pub fn without_topic(kafka: &'a Brokers, partitions: i32) -> Self {
        let topic = unique_topic("topic");
        Self {
            kafka,
            queue: format!("{topic}.dlq"),
            topic,
            partitions,
            group: unique("group"),
            observer: Observer::new(),
        }
    }

    /// Creates the dead letter queue.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created.
    #[track_caller]
    pub fn create_queue(&self, partitions: i32) {
        self.kafka.create_topic(&self.queue, partitions);
    }

    /// Returns brokers, group and topic for a worker in a process of its own.
    pub fn place(&self) -> Place {
        Place {
            brokers: self.kafka.bootstrap(),
            group: self.group.clone(),
            topic: self.topic.clone(),
        }
    }
}
