//! The consumer's part in transactions.

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

/// The timeout of each step of a return to the committed offsets.
const REWIND_TIMEOUT: Duration = Duration::from_secs(2);

/// The place of this worker in its group, against which the broker checks a transaction's offsets.
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
            // The error does not belong to a single partition.
            Err(error) => Err(ProducerError::Fatal {
                detail: error.to_string(),
            }),
        }
    }
}

impl Consumer {
    /// The membership of this client, against which the broker checks a transaction's offsets (KIP-447);
    /// `None` if it has no place in the group.
    pub(crate) fn group(&self) -> Option<Member> {
        let context = self.base.context();
        // An expelled classic member has no id and no generation, and the broker would not check offsets
        // without them. Its membership at the last assignment is used instead. A KIP-848 member keeps its id,
        // and its epoch advances without a callback.
        let group = match context.is_kip_848 {
            true => self.base.group_metadata().map(Arc::new),
            false => context.group.lock().clone(),
        };
        group.filter(|_| !self.base.assignment_lost()).map(Member)
    }

    /// Seeks to the committed offsets of `partitions`, or to where reading began.
    ///
    /// # Errors
    ///
    /// If the committed offsets are unavailable, or one of them belongs to a transaction that has not ended.
    pub(crate) fn rewind(&self, partitions: &[Arc<Partition>]) -> Result<(), ConsumerError> {
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
                // The committed offset belongs to the earlier history.
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
        no_errors(&sought)
    }
}
