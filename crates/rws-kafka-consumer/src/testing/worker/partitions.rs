//! Assigning, revoking and losing partitions, and restarts.

use super::super::journal::Event;
use super::{TestWorker, by_hand};
use crate::handler::hooks::AssignedPartition;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_producer::testing::SendFault;

impl TestWorker {
    /// Assigns partitions of a topic to the worker, as a rebalance does. They are read from their committed
    /// offsets, or from the beginning.
    pub fn assign(&mut self, topic: &str, partitions: impl IntoIterator<Item = i32>) {
        let partitions = partitions
            .into_iter()
            .map(|partition| TopicPartition::new(topic, partition))
            .filter(|partition| !self.assigned.contains(partition))
            .collect();
        self.assign_all(partitions);
    }

    /// Revokes a partition, as a rebalance does: finished messages are committed. The worker does not wait
    /// for an acknowledgement that is [held](super::Sent::hold).
    pub fn revoke(&mut self, topic: &str, partition: i32) {
        let partition = TopicPartition::new(topic, partition);
        if self.assigned.remove(&partition) {
            self.withheld.insert(partition.clone());
            let partitions = vec![partition];
            self.worker.revoke(&partitions);
            self.note_outside();
            self.note(Event::Revoked(partitions));
        }
    }

    /// Loses a partition, as after a session timeout: its messages can no longer be committed.
    pub fn lose(&mut self, topic: &str, partition: i32) {
        let partition = TopicPartition::new(topic, partition);
        if self.assigned.remove(&partition) {
            self.withheld.insert(partition.clone());
            let partitions = vec![partition];
            self.worker.lose(&partitions);
            self.note_outside();
            self.note(Event::Lost(partitions));
        }
    }

    /// Kills the process and starts a new one: everything in flight and in memory is lost, and the assigned
    /// partitions are read again from their committed offsets. A worker that has stopped is started again.
    pub fn restart(&mut self) {
        // Nothing waits for these acknowledgements any more.
        self.sent.fail_held(SendFault::TimedOut);
        let transactional = self.transactional.clone();
        self.worker = by_hand(
            &self.consumer,
            transactional,
            &self.handler,
            &self.clock,
            &self.ledger,
        )
        .expect("its settings were right before");
        self.report = None;
        self.note_outside();
        self.note(Event::Restarted);
        let partitions = std::mem::take(&mut self.assigned);
        self.assign_all(partitions.into_iter().collect());
    }

    pub(super) fn assign_all(&mut self, partitions: Vec<TopicPartition>) {
        let assigned = partitions.iter().map(|partition| AssignedPartition {
            partition: partition.clone(),
            committed: self.ledger.committed(partition),
        });
        let assigned: Vec<AssignedPartition> = assigned.collect();
        for partition in &assigned {
            let committed = partition.committed;
            self.topics.seek(&partition.partition, committed);
        }
        self.note(Event::Assigned(partitions.clone()));
        self.withheld.retain(|name| !partitions.contains(name));
        self.assigned.extend(partitions);
        self.worker.assign(assigned);
    }

    /// Moves back to the committed offsets if a transaction is lost.
    pub(super) fn rewind(&mut self) -> bool {
        let partitions = self.worker.rewind();
        if partitions.is_empty() {
            return false;
        }
        for partition in &partitions {
            let committed = self.ledger.committed(partition);
            self.topics.seek(partition, committed);
        }
        self.note(Event::Rewound(partitions));
        true
    }
}
