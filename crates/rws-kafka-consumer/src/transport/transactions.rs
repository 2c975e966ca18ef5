//! What transactions need of a consumer.

use super::consumer::Consumer;
use super::lists::{fetch_error, known_offsets, list, list_of_offsets, no_errors};
use crate::error::ConsumerError;
use crate::partition::Partition;
use rdkafka::consumer::{Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_producer::{ProducerError, Transaction};
use std::sync::Arc;
use std::time::Duration;

/// How long each step of a return to the committed offsets may take.
const REWIND_TIMEOUT: Duration = Duration::from_secs(2);

/// The place of this worker in its group, by which the broker checks a transaction's offsets.
pub(crate) trait Group {
    /// Commits `transaction` and `offsets`, both or neither.
    fn commit(
        self,
        transaction: Transaction,
        offsets: &[(Arc<Partition>, i64)],
    ) -> Result<(), ProducerError>;
}

/// A member of a group, as the broker knows it.
pub(crate) struct Member(Arc<ConsumerGroupMetadata>);

impl Group for Member {
    fn commit(
        self,
        transaction: Transaction,
        offsets: &[(Arc<Partition>, i64)],
    ) -> Result<(), ProducerError> {
        match list_of_offsets(offsets) {
            Ok(list) => transaction.commit_with_offsets(&list, &self.0),
            // Not one of a partition's.
            Err(error) => Err(ProducerError::Fatal {
                detail: error.to_string(),
            }),
        }
    }
}

impl Consumer {
    /// What this member is in its group, for the broker to check a transaction's offsets against
    /// (KIP-447); `None` while it has no place there.
    pub(crate) fn group(&self) -> Option<Member> {
        let context = self.base.context();
        // A classic member that was expelled has no id and no generation, and offsets with neither
        // would be taken unchecked: so what it was counts, and what it is does not. A member of
        // KIP-848 keeps its id, and its epoch moves on without a word to us.
        let group = match context.is_kip_848 {
            true => self.base.group_metadata().map(Arc::new),
            false => context.group.lock().clone(),
        };
        group.filter(|_| !self.base.assignment_lost()).map(Member)
    }

    /// Goes back to the committed offsets of `partitions`, or to where reading began.
    ///
    /// # Errors
    ///
    /// When they could not be had, or one of them is part of a transaction that has not ended.
    pub(crate) fn rewind(&self, partitions: &[Arc<Partition>]) -> Result<bool, ConsumerError> {
        let names = partitions.iter().map(|partition| &partition.name);
        let failed = |error: KafkaError| fetch_error(names.clone(), &error);
        let answer = self
            .base
            .committed_offsets(list(names.clone()), REWIND_TIMEOUT)
            .map_err(failed)?;
        no_errors(&answer)?;
        let committed = known_offsets(answer);
        let mut targets = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let start = partition.tracker().first();
            let target = match partition.is_uncommitted_history() {
                // What is committed is of the history before.
                true => Some(start.map_or(Offset::Beginning, Offset::Offset)),
                false => {
                    let target = committed.get(&partition.name).copied().max(start);
                    target.map(Offset::Offset)
                }
            };
            if let Some(offset) = target {
                let (topic, number) = (partition.name.topic(), partition.name.partition());
                let added = targets.add_partition_offset(topic, number, offset);
                added.map_err(failed)?;
            }
        }
        let sought = self
            .base
            .seek_partitions(targets, REWIND_TIMEOUT)
            .map_err(failed)?;
        no_errors(&sought)?;
        for partition in partitions {
            if self.base.context().paused.lock().contains(&partition.name) {
                self.resume(&partition.name)?;
            }
        }
        Ok(true)
    }
}
