//! The callbacks of librdkafka.

use super::complaints::{Complaints, described};
use super::events::GroupEvents;
use super::lists::{known_offsets, names};
use crate::error::ConsumerError;
use crate::handler::hooks::AssignedPartition;
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{
    BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rws_kafka_client as shared;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_native::detach;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The time that a rebalance waits for the committed offsets that a hook needs.
pub(super) const COMMITTED_TIMEOUT: Duration = Duration::from_secs(5);

/// The context of librdkafka's callbacks.
pub(super) struct Context {
    pub(super) worker: Arc<dyn GroupEvents>,
    pub(super) logs: shared::Logs,
    pub(super) complaints: Complaints,
    pub(super) is_kip_848: bool,
    /// `true` if reading begins at the start without a committed offset.
    pub(super) reads_from_start: bool,
    /// The time that a rebalance may wait for the committed offsets of retry topics.
    pub(super) patience: Duration,
    /// The membership of this client at its last assignment.
    pub(super) group: Mutex<Option<Arc<ConsumerGroupMetadata>>>,
    /// Another client has replaced this one: its events no longer concern the worker.
    pub(super) is_replaced: AtomicBool,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.note_truncation(facility, line);
        self.logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.is_replaced() {
            return;
        }
        self.complaints.note(&error, reason);
        shared::note_error(self.worker.connection(), &error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        if self.is_replaced() {
            return;
        }
        self.worker.note_brokers(shared::brokers(&statistics));
        let topics = statistics.topics.iter();
        self.worker
            .note_fetches(&mut topics.flat_map(|(topic, statistics)| {
                let partitions = statistics.partitions.values();
                // A partition that is assigned elsewhere by now is not fetched again.
                let assigned = partitions
                    .filter(|partition| self.worker.is_assigned(topic, partition.partition));
                // The end of the partition according to the last fetch; -1 if that was refused.
                assigned.map(move |partition| (topic.as_str(), partition.hi_offset == -1))
            }));
        for (topic, statistics) in &statistics.topics {
            for (partition, statistics) in &statistics.partitions {
                if statistics.fetchq_cnt == 0 {
                    let position = statistics.next_offset;
                    self.worker.note_read(topic, *partition, position);
                }
            }
        }
    }
}

impl ConsumerContext for Context {
    /// Replaces rdkafka's own callback, which ignores the results of `assign` and `incremental_assign`.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let is_cooperative = matches!(
            consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        );
        let names = names(list);
        let is_assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_replaced() {
            if !is_assigned {
                let _ = let_go(consumer, list, is_cooperative);
            }
            return;
        }
        let result = if is_assigned {
            *self.group.lock() = consumer.group_metadata().map(Arc::new);
            let committed = self.committed(consumer, list);
            self.begin_retries(consumer, list);
            // Before the assignment: otherwise a message may come in the consumer's queue.
            let detached = names
                .iter()
                .map(|name| detach(consumer, name.topic(), name.partition()));
            let detached: Vec<_> = detached.collect();
            let result = if is_cooperative {
                consumer.incremental_assign(list)
            } else {
                consumer.assign(list)
            };
            drop(detached);
            // librdkafka first, then the worker: messages arrive only after this callback.
            if result.is_ok() {
                let assigned = names.into_iter().map(|partition| AssignedPartition {
                    committed: committed.get(&partition).copied(),
                    partition,
                });
                self.worker.assign(assigned.collect());
            }
            result
        } else {
            if consumer.assignment_lost() {
                self.worker.lose(&names);
            } else {
                self.worker.revoke(&names);
            }
            let result = let_go(consumer, list, is_cooperative);
            if self.is_kip_848 {
                // The broker may revoke partitions without a later assignment.
                self.worker.settle();
            }
            result
        };
        if let Err(error) = result {
            let detail = described(&error);
            tracing::error!(target: "rws_kafka", group = self.worker.group(), "the rebalance failed: {detail}");
            self.worker.note_error(ConsumerError::Rebalance { detail });
        }
    }
}

impl Context {
    fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }

    /// The committed offsets of `list`, if a hook needs them.
    fn committed(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> HashMap<TopicPartition, i64> {
        if !self.worker.wants_committed() || list.count() == 0 {
            return HashMap::new();
        }
        match consumer.committed_offsets(list.clone(), COMMITTED_TIMEOUT) {
            Ok(offsets) => known_offsets(offsets),
            Err(error) => {
                let detail = described(&error);
                tracing::warn!(
                    target: "rws_kafka",
                    group = self.worker.group(),
                    "on_assign receives no committed offsets: {detail}"
                );
                HashMap::new()
            }
        }
    }
}

fn let_go(
    consumer: &BaseConsumer<Context>,
    list: &TopicPartitionList,
    is_cooperative: bool,
) -> KafkaResult<()> {
    if is_cooperative {
        consumer.incremental_unassign(list)
    } else {
        consumer.unassign()
    }
}
