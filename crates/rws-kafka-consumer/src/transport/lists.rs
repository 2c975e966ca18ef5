//! Conversions from and to rdkafka's lists of partitions.

use super::complaints::described;
use crate::error::ConsumerError;
use crate::partition::Partition;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_dispatch::TopicPartition;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn list_of_offsets(
    offsets: &[(Arc<Partition>, i64)],
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        let (topic, number) = (partition.name.topic(), partition.name.partition());
        list.add_partition_offset(topic, number, Offset::Offset(*offset))?;
    }
    Ok(list)
}

pub(super) fn list<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(partition.topic(), partition.partition());
    }
    list
}

/// Returns the first error of a partition in an answer.
pub(super) fn no_errors(list: &TopicPartitionList) -> Result<(), ConsumerError> {
    let mut elements = list.elements().into_iter();
    elements.try_for_each(|element| {
        let name = || TopicPartition::new(element.topic(), element.partition());
        let result = element.error();
        result.map_err(|error| fetch_error([&name()], &error))
    })
}

pub(super) fn names(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition::new(element.topic(), element.partition()))
        .collect()
}

pub(super) fn known_offsets(list: TopicPartitionList) -> HashMap<TopicPartition, i64> {
    list.elements()
        .iter()
        .filter(|element| element.error().is_ok())
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((
                TopicPartition::new(element.topic(), element.partition()),
                offset,
            )),
            _ => None,
        })
        .collect()
}

/// The error of a call about `partitions`.
pub(super) fn fetch_error<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
    error: &KafkaError,
) -> ConsumerError {
    ConsumerError::Fetch {
        partitions: partitions.into_iter().cloned().collect(),
        detail: described(error),
    }
}
