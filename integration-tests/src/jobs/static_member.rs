//! A worker with a `group.instance.id` in a group of KIP-848.

use rws_kafka::{
    ConsumerConfig, ConsumerContext, ConsumerHandle, GroupProtocol, KafkaConfig, KafkaConsumer,
    Observer,
};
use serde::{Deserialize, Serialize};

use super::Place;

/// A worker that commits each message.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct StaticMember {
    /// The brokers, group and topic of the worker.
    pub place: Place,
    /// Its `group.instance.id`.
    pub instance_id: String,
}

impl StaticMember {
    /// Starts the worker in this process.
    ///
    /// # Panics
    ///
    /// Panics if its settings are invalid.
    pub fn start(&self, observer: &Observer) -> ConsumerHandle {
        let config = KafkaConfig::builder()
            .brokers(&self.place.brokers)
            .consumer_group(&self.place.group)
            .group_instance_id(&self.instance_id)
            .build()
            .expect("valid settings");
        let config = ConsumerConfig::from(config)
            .group_protocol(GroupProtocol::Consumer)
            .observer(observer.clone());
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.place.topic]))
            .expect("a valid consumer")
            .start(|msg: ConsumerContext| msg.commit())
    }
}
