//! Detecting and reading new histories of a partition.

use super::consumer::Consumer;
use super::context::Context;
use super::lists::{fetch_error, no_errors};
use crate::error::ConsumerError;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_dispatch::TopicPartition;
use std::time::Duration;

/// The timeout of a seek.
const SEEK_TIMEOUT: Duration = Duration::from_secs(2);

impl Consumer {
    /// Seeks to the first message of `partition`.
    pub(crate) fn seek_to_start(&self, partition: &TopicPartition) -> Result<(), ConsumerError> {
        let failed = |error| fetch_error([partition], &error);
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(partition.topic(), partition.partition(), Offset::Beginning)
            .map_err(failed)?;
        let sought = self.base.seek_partitions(list, SEEK_TIMEOUT);
        no_errors(&sought.map_err(failed)?)
    }
}

impl Context {
    /// Detects that the end of a log was truncated, as happens when a broker without it becomes the leader.
    /// librdkafka reports that only in its log.
    pub(super) fn note_truncation(&self, facility: &str, line: &str) {
        if facility == "OFFSET"
            && let Some((topic, partition)) = cut_off(line)
        {
            self.worker.note_cut_off(topic, partition);
        }
    }
}

/// The partition whose log was truncated, according to the log line.
fn cut_off(line: &str) -> Option<(&str, i32)> {
    let (before, _) = line.split_once("]: offset reset (at ")?;
    line.contains("log truncation detected").then_some(())?;
    let (topic, partition) = before.rsplit_once(" [")?;
    // The name of librdkafka's thread may precede it.
    let topic = topic.rsplit_once(' ').map_or(topic, |(_, topic)| topic);
    Some((topic, partition.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_partition_is_read_from_the_line() {
        let line = "[thrd:main]: orders.eu [12]: offset reset (at offset 9 (leader epoch 2), broker 1) \
                    to offset BEGINNING (leader epoch -1): Partition log truncation detected at offset \
                    9 (leader epoch 2): broker end offset is 5 (offset leader epoch 2): Local: Partition \
                    log truncation detected";
        assert_eq!(cut_off(line), Some(("orders.eu", 12)));
        let without_thread = line.split_once("]: ").map_or("", |(_, rest)| rest);
        assert_eq!(cut_off(without_thread), Some(("orders.eu", 12)));
        let reset = "orders [0]: offset reset (at offset 9, broker 1) to offset BEGINNING: fetch failed \
                     due to requested offset not available on the broker: Broker: Offset out of range";
        assert_eq!(cut_off(reset), None);
    }
}
