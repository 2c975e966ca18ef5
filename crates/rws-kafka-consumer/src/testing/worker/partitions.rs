//! Partitions that come, go, and are read again.

use super::super::journal::Event;
use super::{TestWorker, by_hand};
use crate::handler::hooks::AssignedPartition;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_producer::testing::SendFault;

impl TestWorker {
    /// Gives partitions of a topic to the worker, as the group does. They are read from their committed
    /// offsets on, or from the beginning.
    pub fn assign(&mut self, topic: &str, partitions: impl IntoIterator<Item = i32>) {
        let partitions = partitions
            .into_iter()
            .map(|partition| TopicPartition::new(topic, partition))
            .filter(|partition| !self.assigned.contains(partition))
            .collect();
        self.assign_all(partitions);
    }

    /// Takes a partition from the worker, as a rebalance does: what is finished is committed. A letter
    /// that is [held](super::Sent::hold) is not waited for.
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

    /// Takes a partition from the worker as a session timeout does: nothing of it can be committed any
    /// more.
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

    /// Another process in the place of this one, which is killed: what it had in hand and in memory is
    /// gone, and each partition that it had is read again from its committed offset. A worker that has
    /// stopped is begun anew by it, too.
    pub fn restart(&mut self) {
        // What was on its way is nobody's any more.
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

    /// Goes back to the committed offsets where a transaction is lost.
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
