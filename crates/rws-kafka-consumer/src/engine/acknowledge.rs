//! The engine's side of the contexts that handlers have.

use super::shared::Engine;
use crate::error::ConsumerError;
use crate::handler::acknowledge::Acknowledge;
use crate::partition::Partition;
use crate::retry::Rung;
use rws_kafka_client::Deadline;
use rws_kafka_dispatch::{Phase, StrandId};

impl Acknowledge for Engine {
    fn group(&self) -> &str {
        Engine::group(self)
    }

    fn rung(&self, topic: &str) -> Option<&Rung> {
        Engine::rung(self, topic)
    }

    #[cfg(feature = "registry")]
    fn registry(&self) -> Option<&rws_kafka_schema::registry::SchemaRegistry> {
        self.settings.registry.as_ref()
    }

    fn carries_outputs(&self) -> bool {
        self.commits.carries_outputs()
    }

    fn check_owned(&self, partition: &Partition) -> Result<(), ConsumerError> {
        match partition.phase() {
            Phase::Active | Phase::Draining => Ok(()),
            Phase::Released => Err(ConsumerError::PartitionLost {
                partition: partition.name.clone(),
            }),
        }
    }

    fn asked_for_commit(&self) {
        self.unasked.asked();
    }

    fn commit_through(
        &self,
        partition: &Partition,
        sequence: u64,
        offset: i64,
    ) -> Result<(), ConsumerError> {
        let mut until = Deadline::after(self.settings.drain_timeout).instant();
        // A hook that commits during a drain has until the deadline of that drain.
        let draining = self.draining.lock().filter(|_| !partition.is_active());
        for earlier in [self.stop.until(), draining].into_iter().flatten() {
            until = until.min(earlier);
        }
        let round = self.committer.wait(self.committer.request(), until);
        let tracker = partition.tracker();
        // A message of a history that has ended cannot be delivered again.
        if tracker.is_outlived(sequence) || tracker.committed() > Some(offset) {
            return Ok(());
        }
        drop(tracker);
        self.check_owned(partition)?;
        round?;
        // The worker no longer commits.
        Err(ConsumerError::CommitTimedOut)
    }

    fn holds(&self, strand: StrandId, messages: usize) {
        self.scheduler.holds(strand, messages);
    }
}
