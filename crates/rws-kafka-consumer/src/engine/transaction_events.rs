//! What a worker does about its transactions.

use super::shared::Engine;
use super::transactions::TransactionEvents;
use crate::error::ConsumerError;
use crate::transport::TransactionalIdRefused;
use rws_kafka_producer::ProducerError;
use std::time::Duration;

/// How often a put is tried where a test stands in for the threads that would make room.
#[cfg(feature = "testing")]
const MOST_TRIES: usize = 100;

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

    #[cfg(feature = "testing")]
    fn waits(&self, tries: usize) {
        if self.committer.is_without_thread() {
            assert!(tries < MOST_TRIES, "there is never room for this output");
            self.committer.serve_by_hand();
        }
    }

    #[cfg(not(feature = "testing"))]
    fn waits(&self, _tries: usize) {}

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
