//! The plumbing to rdkafka.

mod complaints;
mod fetched;
mod histories;
mod refusals;
mod replay;
mod retries;
mod topics;
mod transactions;

pub(crate) use fetched::Fetched;
pub(crate) use refusals::{Refusal, TransactionalIdRefused};
pub(crate) use replay::{Committed, QueuePolled, QueueReader};
pub(crate) use topics::{NewTopic, TopicState, Topics};

use crate::config::is_kip_848;
use crate::engine::{Engine, Partition, Unreachable};
use crate::error::ConsumerError;
use crate::hooks::AssignedPartition;
use complaints::{Complaints, described};
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, ConsumerGroupMetadata,
    RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use retries::{patience, reads_from_start};
use rws_kafka_client as shared;
use rws_kafka_config::Properties;
use rws_kafka_dispatch::TopicPartition;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a rebalance waits for the committed offsets that a hook wants to know.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(5);

/// One rdkafka consumer.
pub(crate) struct Consumer {
    base: BaseConsumer<Context>,
    /// A static member keeps its place in the group when it goes.
    is_static: bool,
}

/// What a poll came to.
pub(crate) enum Polled<'a> {
    Message(Fetched<'a>),
    Nothing,
    /// librdkafka goes on by itself, and what was refused shows in readiness.
    Refused(Refusal),
    /// librdkafka goes on by itself.
    Failed(ConsumerError),
    /// It does not.
    Fatal(ConsumerError),
}

impl Consumer {
    pub(crate) fn new(properties: &Properties, engine: Arc<Engine>) -> Result<Self, ConsumerError> {
        shared::client_config(properties)
            .create_with_context(Context {
                is_kip_848: is_kip_848(properties),
                reads_from_start: reads_from_start(properties),
                patience: patience(properties),
                engine,
                logs: shared::Logs::new(properties),
                complaints: Complaints::new(properties),
                paused: Mutex::default(),
                group: Mutex::default(),
                is_replaced: AtomicBool::new(false),
            })
            .map(|base| Self {
                base,
                is_static: properties.get("group.instance.id").is_some(),
            })
            .map_err(|error| ConsumerError::Property {
                detail: shared::creation_failed(properties, &error),
            })
    }

    pub(crate) fn subscribe(&self, topics: &[String]) -> Result<(), ConsumerError> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        self.base
            .subscribe(&names)
            .map_err(|error| ConsumerError::Subscription {
                topics: topics.to_vec(),
                detail: described(&error),
            })
    }

    /// The next message, when one is there within `time`. Runs the rebalance callbacks.
    pub(crate) fn poll(&self, time: Duration) -> Polled<'_> {
        match self.base.poll(time) {
            None => Polled::Nothing,
            Some(Ok(message)) => Polled::Message(Fetched::new(message)),
            Some(Err(KafkaError::PartitionEOF(_))) => Polled::Nothing,
            Some(Err(error)) => self.failed(&error),
        }
    }

    fn failed(&self, error: &KafkaError) -> Polled<'_> {
        let context = self.base.context();
        match (error, self.base.client().fatal_error()) {
            (_, Some((code, detail))) => Polled::Fatal(context.complaints.fatal(
                context.engine.group(),
                code,
                &detail,
            )),
            (KafkaError::MessageConsumptionFatal(_), None) => Polled::Fatal(ConsumerError::Fatal {
                detail: described(error),
            }),
            // Said by the error callback, with its cause.
            (error, None) if is_of_connection(error) => Polled::Nothing,
            (error, None) => match Refusal::of(error) {
                Some(refusal) => Polled::Refused(refusal),
                None => {
                    let suspects = self.suspects();
                    let (complaints, group) = (&context.complaints, context.engine.group());
                    Polled::Failed(complaints.error(group, error, suspects))
                }
            },
        }
    }

    /// What is assigned, with librdkafka's own positions: the worker's are behind.
    fn suspects(&self) -> Vec<complaints::Suspect> {
        let Ok(list) = self.base.position() else {
            return Vec::new();
        };
        let suspect = |element: TopicPartitionListElem<'_>| complaints::Suspect {
            name: TopicPartition::new(element.topic(), element.partition()),
            position: match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            },
        };
        list.elements().into_iter().map(suspect).collect()
    }

    pub(crate) fn pause(&self, partition: &TopicPartition) -> Result<(), ConsumerError> {
        let result = self.base.pause(&list([partition]));
        result.map_err(|error| fetch_error([partition], &error))?;
        self.base.context().paused.lock().insert(partition.clone());
        Ok(())
    }

    pub(crate) fn resume(&self, partition: &TopicPartition) -> Result<(), ConsumerError> {
        let result = self.base.resume(&list([partition]));
        result.map_err(|error| fetch_error([partition], &error))?;
        self.base.context().paused.lock().remove(partition);
        Ok(())
    }

    /// Brings `offsets` to the broker and waits for its answer, however long that takes.
    pub(crate) fn commit(&self, offsets: &[(Arc<Partition>, i64)]) -> Result<(), ConsumerError> {
        let refused = |error: KafkaError| {
            self.note_refusal(&error);
            ConsumerError::CommitRefused {
                detail: described(&error),
            }
        };
        let list = list_of_offsets(offsets).map_err(refused)?;
        self.base.commit(&list, CommitMode::Sync).map_err(refused)
    }

    /// The ends of `partitions`: the offsets that the next messages get.
    pub(crate) fn end_offsets(
        &self,
        partitions: &[&TopicPartition],
        time: Duration,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        self.offsets_at(partitions, Offset::End, time)
    }

    /// The first offsets that `partitions` still hold.
    pub(crate) fn start_offsets(
        &self,
        partitions: &[&TopicPartition],
        time: Duration,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        self.offsets_at(partitions, Offset::Beginning, time)
    }

    fn offsets_at(
        &self,
        partitions: &[&TopicPartition],
        at: Offset,
        time: Duration,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        let mut list = list(partitions.iter().copied());
        list.set_all_offsets(at).map_err(|_| Unreachable)?;
        // ListOffsets takes -1 and -2, librdkafka's numbers for end and beginning, as timestamps.
        let answer = self.base.offsets_for_times(list, time);
        self.known_offsets(answer)
    }

    /// Offsets that may not be known are unknown; that is no trouble with the connection.
    fn known_offsets(
        &self,
        answer: KafkaResult<TopicPartitionList>,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        match answer {
            Ok(offsets) => Ok(known_offsets(offsets)),
            Err(error) if self.note_refusal(&error) => Ok(HashMap::new()),
            Err(_) => Err(Unreachable),
        }
    }

    /// Returns `true` if a permission is missing, which the engine then knows.
    fn note_refusal(&self, error: &KafkaError) -> bool {
        let refusal = Refusal::of(error).filter(|refusal| refusal.is_of_permission());
        if let Some(refusal) = refusal {
            self.base.context().engine.refused(refusal);
        }
        refusal.is_some()
    }

    /// The group's committed offsets; a partition without one is left out.
    pub(crate) fn committed_offsets(
        &self,
        partitions: &[&TopicPartition],
        time: Duration,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        let answer = self
            .base
            .committed_offsets(list(partitions.iter().copied()), time);
        self.known_offsets(answer)
    }

    /// Tells the group that this member goes, where librdkafka's close does not: a member of the
    /// cooperative protocol that has no partitions would be waited for until its session ends.
    pub(crate) fn leave_empty_handed(&self) {
        let has_none = self.base.assignment().is_ok_and(|list| list.count() == 0);
        if has_none && !self.is_static {
            self.base.unsubscribe();
        }
    }

    /// Has nothing more to say to the worker, as another client is to take its place.
    pub(crate) fn replaced(&self) {
        self.base
            .context()
            .is_replaced
            .store(true, Ordering::Release);
    }

    /// Asks whether a broker is there.
    pub(crate) fn ping(&self, time: Duration) -> Result<(), Unreachable> {
        let answer = self.base.fetch_metadata(None, time);
        answer.map(drop).map_err(|_| Unreachable)
    }
}

fn list_of_offsets(offsets: &[(Arc<Partition>, i64)]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        let (topic, number) = (partition.name.topic(), partition.name.partition());
        list.add_partition_offset(topic, number, Offset::Offset(*offset))?;
    }
    Ok(list)
}

fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(partition.topic(), partition.partition());
    }
    list
}

/// The first error of a partition in an answer.
fn no_errors(list: &TopicPartitionList) -> Result<(), ConsumerError> {
    let mut elements = list.elements().into_iter();
    elements.try_for_each(|element| {
        let name = || TopicPartition::new(element.topic(), element.partition());
        let result = element.error();
        result.map_err(|error| fetch_error([&name()], &error))
    })
}

fn names(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition::new(element.topic(), element.partition()))
        .collect()
}

fn known_offsets(list: TopicPartitionList) -> HashMap<TopicPartition, i64> {
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

/// An error of a call about `partitions`.
fn fetch_error<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
    error: &KafkaError,
) -> ConsumerError {
    ConsumerError::Fetch {
        partitions: partitions.into_iter().cloned().collect(),
        detail: described(error),
    }
}

fn is_of_connection(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SSL
        )
    )
}

struct Context {
    engine: Arc<Engine>,
    logs: shared::Logs,
    complaints: Complaints,
    is_kip_848: bool,
    /// Where nothing is committed.
    reads_from_start: bool,
    /// How long a rebalance may wait for it to be known what is committed of retry topics.
    patience: Duration,
    /// What librdkafka holds as paused, whether it is assigned or not.
    paused: Mutex<HashSet<TopicPartition>>,
    /// What this member was in the group when it was last given an assignment.
    group: Mutex<Option<Arc<ConsumerGroupMetadata>>>,
    /// Another client has taken its place: what still comes of it is not the worker's.
    is_replaced: AtomicBool,
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
        shared::note_error(&self.engine.connection, &error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        if self.is_replaced() {
            return;
        }
        self.engine.note_brokers(shared::brokers(&statistics));
        let topics = statistics.topics.iter();
        self.engine
            .note_fetches(topics.flat_map(|(topic, statistics)| {
                let partitions = statistics.partitions.values();
                // One that is assigned elsewhere by now is not fetched again.
                let assigned = partitions
                    .filter(|partition| self.engine.is_assigned(topic, partition.partition));
                // The end of a partition as the last fetch had it; a refused one has -1.
                assigned.map(move |partition| (topic.as_str(), partition.hi_offset == -1))
            }));
        for (topic, statistics) in &statistics.topics {
            for (partition, statistics) in &statistics.partitions {
                if statistics.fetchq_cnt == 0 {
                    let position = statistics.next_offset;
                    self.engine.note_read(topic, *partition, position);
                }
            }
        }
    }
}

impl ConsumerContext for Context {
    /// In place of rdkafka's own, which ignores what `assign` and `incremental_assign` return.
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
            self.resume_from_before(consumer, &names);
            *self.group.lock() = consumer.group_metadata().map(Arc::new);
            let committed = self.committed(consumer, list);
            self.begin_retries(consumer, list);
            let result = if is_cooperative {
                consumer.incremental_assign(list)
            } else {
                consumer.assign(list)
            };
            // First librdkafka, then us: messages of them come only after this callback.
            if result.is_ok() {
                let assigned = names.into_iter().map(|partition| AssignedPartition {
                    committed: committed.get(&partition).copied(),
                    partition,
                });
                self.engine.assign(assigned.collect());
            }
            result
        } else {
            if consumer.assignment_lost() {
                self.engine.lose(&names);
            } else {
                self.engine.revoke(&names);
            }
            let result = let_go(consumer, list, is_cooperative);
            if self.is_kip_848 {
                // No assignment need follow: the broker takes without giving.
                self.engine.settle();
            }
            result
        };
        if let Err(error) = result {
            let detail = described(&error);
            tracing::error!(target: "rws_kafka", group = self.engine.group(), "the rebalance failed: {detail}");
            self.engine.note_error(ConsumerError::Rebalance { detail });
        }
    }
}

impl Context {
    fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }

    /// A pause outlives the assignment that it was made in. Only what is paused: a resume makes
    /// librdkafka take answers that are on their way for outdated.
    fn resume_from_before(&self, consumer: &BaseConsumer<Self>, assigned: &[TopicPartition]) {
        let mut paused = self.paused.lock();
        for partition in assigned {
            if paused.remove(partition)
                && let Err(error) = consumer.resume(&list([partition]))
            {
                self.engine.note_error(fetch_error([partition], &error));
            }
        }
    }

    /// What the group has committed for `list`, where someone wants to know it.
    fn committed(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> HashMap<TopicPartition, i64> {
        if !self.engine.wants_committed() || list.count() == 0 {
            return HashMap::new();
        }
        match consumer.committed_offsets(list.clone(), COMMITTED_TIMEOUT) {
            Ok(offsets) => known_offsets(offsets),
            Err(error) => {
                let detail = described(&error);
                tracing::warn!(target: "rws_kafka", group = self.engine.group(), "on_assign is told no committed offsets: {detail}");
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
