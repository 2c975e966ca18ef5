//! Where reading begins in retry topics.

use super::{COMMITTED_TIMEOUT, Context, described, known_offsets, list};
use crate::topic_partition::TopicPartition;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_config::Properties;

/// Whether a partition of which nothing is committed is read from its beginning.
pub(super) fn reads_from_start(properties: &Properties) -> bool {
    let reset = properties.get("auto.offset.reset").unwrap_or("largest");
    let at_start = ["earliest", "smallest", "beginning"];
    at_start.iter().any(|name| reset.eq_ignore_ascii_case(name))
}

impl Context {
    /// A retry topic of which nothing is committed is read from its beginning, also by a group that
    /// begins at the end elsewhere: the message that the worker put off a moment ago may be there.
    pub(super) fn begin_retries(
        &self,
        consumer: &BaseConsumer<Self>,
        assigned: &mut TopicPartitionList,
    ) {
        if self.reads_from_start {
            return;
        }
        let retries: Vec<TopicPartition> = super::names(assigned)
            .into_iter()
            .filter(|name| self.engine.is_retry(name.topic()))
            .collect();
        if retries.is_empty() {
            return;
        }
        let committed = consumer.committed_offsets(list(&retries), COMMITTED_TIMEOUT);
        let committed = committed.map(known_offsets).unwrap_or_else(|error| {
            let detail = described(&error);
            tracing::warn!(
                target: "rws_kafka",
                group = self.engine.group(),
                "retry topics are read from their beginnings, as no committed offsets can be had: \
                 {detail}"
            );
            // Messages may come again; else some could be lost.
            Default::default()
        });
        for name in retries.iter().filter(|name| !committed.contains_key(name)) {
            let set =
                assigned.set_partition_offset(name.topic(), name.partition(), Offset::Beginning);
            // It is one of the list.
            debug_assert!(set.is_ok());
        }
    }
}
