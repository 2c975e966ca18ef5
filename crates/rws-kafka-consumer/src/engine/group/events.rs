//! The engine's reactions to the events of its client.

use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::handler::hooks::AssignedPartition;
use crate::transport::{GroupEvents, Refusal};
use rws_kafka_client::Connection;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::BrokerStatus;
use std::time::Duration;

impl GroupEvents for Engine {
    fn group(&self) -> &str {
        Engine::group(self)
    }

    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn note_brokers(&self, brokers: Vec<BrokerStatus>) {
        self.brokers.set(brokers);
    }

    fn assign(&self, assigned: Vec<AssignedPartition>) {
        Engine::assign(self, assigned);
    }

    fn revoke(&self, partitions: &[TopicPartition]) {
        self.revoke_within(partitions, self.settings.drain_timeout);
    }

    fn lose(&self, partitions: &[TopicPartition]) {
        Engine::lose(self, partitions);
    }

    fn settle(&self) {
        Engine::settle(self);
    }

    fn wants_committed(&self) -> bool {
        self.settings.hooks.on_assign.is_some()
    }

    fn is_assigned(&self, topic: &str, partition: i32) -> bool {
        self.partition(topic, partition).is_some()
    }

    fn is_retry(&self, topic: &str) -> bool {
        Engine::is_retry(self, topic)
    }

    fn note_read(&self, topic: &str, partition: i32, position: i64) {
        if let Some(partition) = self.partition(topic, partition) {
            partition.note_read(position);
        }
    }

    fn note_cut_off(&self, topic: &str, partition: i32) {
        if let Some(partition) = self.partition(topic, partition) {
            partition.note_cut_off();
        }
    }

    fn note_fetches(&self, fetches: &mut dyn Iterator<Item = (&str, bool)>) {
        Engine::note_fetches(self, fetches);
    }

    fn refused(&self, refusal: Refusal) {
        Engine::refused(self, refusal);
    }

    fn note_error(&self, error: ConsumerError) {
        Engine::note_error(self, error);
    }

    fn fail(&self, error: ConsumerError) {
        Engine::fail(self, error);
    }

    fn wait(&self, pause: Duration) {
        self.health.heartbeat();
        self.stop.sleep(pause);
    }

    fn is_to_stop(&self) -> bool {
        self.stop.is_asked()
    }
}
