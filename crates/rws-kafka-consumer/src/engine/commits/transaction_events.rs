//! The engine's reactions to the events of its transactions.

use super::transactions::TransactionEvents;
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::transport::TransactionalIdRefused;
use rws_kafka_producer::ProducerError;
use std::time::Duration;

impl TransactionEvents for Engine {
    fn begun(&self) {
        self.note_transactional_id(None);
        self.health.prepared();
    }

    fn could_not_begin(&self, error: &ProducerError, pause: Duration) {
        self.note_transactional_id(TransactionalIdRefused::of(error));
        self.stop.sleep(pause);
    }

    fn commit_now(&self) {
        Engine::commit_now(self);
    }

    fn waits(&self, tries: usize) {
        self.committer.wait_by_hand(tries);
    }

    fn committed(&self) {
        self.note_commit(&Ok(()));
    }

    fn troubled(&self, error: ConsumerError) {
        self.note_error(error);
    }

    fn failed(&self, error: ConsumerError) {
        self.fail(error);
    }
}
