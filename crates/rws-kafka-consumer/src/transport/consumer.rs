//! A wrapper of rdkafka's consumer.

use super::complaints::{Complaints, Suspect, described};
use super::context::Context;
use super::events::GroupEvents;
use super::lists::{known_offsets, list, list_of_offsets};
use super::refusals::Refusal;
use super::retries::{patience, reads_from_start};
use super::unreachable::Unreachable;
use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::settings::config::is_kip_848;
use parking_lot::Mutex;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_client as shared;
use rws_kafka_config::Properties;
use rws_kafka_dispatch::TopicPartition;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An rdkafka consumer of a worker.
pub(crate) struct Consumer {
    pub(super) base: BaseConsumer<Context>,
    /// A static member keeps its place in the group when it leaves.
    is_static: bool,
}

/// What librdkafka had to say, apart from messages.
pub(crate) enum Polled {
    Nothing,
    /// librdkafka recovers by itself. Readiness shows the refusal.
    Refused(Refusal),
    /// librdkafka recovers by itself.
    Failed(ConsumerError),
    /// The client has failed permanently.
    Fatal(ConsumerError),
}

impl Consumer {
    pub(crate) fn new(
        properties: &Properties,
        worker: Arc<dyn GroupEvents>,
    ) -> Result<Self, ConsumerError> {
        shared::client_config(properties)
            .create_with_context(Context {
                is_kip_848: is_kip_848(properties),
                reads_from_start: reads_from_start(properties),
                patience: patience(properties),
                worker,
                logs: shared::Logs::new(properties),
                complaints: Complaints::new(properties),
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

    /// Runs the callbacks that are due, at most one of a rebalance. Does not wait.
    pub(crate) fn poll(&self) -> Polled {
        match self.base.poll(Duration::ZERO) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => Polled::Nothing,
            Some(Err(error)) => self.failed(&error),
            // The queue of each partition is separated before its first message.
            Some(Ok(message)) => Polled::Fatal(ConsumerError::Fatal {
                detail: format!(
                    "a message arrived outside the queue of {}",
                    TopicPartition::new(message.topic(), message.partition())
                ),
            }),
        }
    }

    /// Returns what `error` means for the worker.
    pub(super) fn failed(&self, error: &KafkaError) -> Polled {
        let context = self.base.context();
        match (error, self.base.client().fatal_error()) {
            (_, Some((code, detail))) => Polled::Fatal(context.complaints.fatal(
                context.worker.group(),
                code,
                &detail,
            )),
            (KafkaError::MessageConsumptionFatal(_), None) => Polled::Fatal(ConsumerError::Fatal {
                detail: described(error),
            }),
            // The error callback has reported it, with its cause.
            (error, None) if is_of_connection(error) => Polled::Nothing,
            (error, None) => match Refusal::of(error) {
                Some(refusal) => Polled::Refused(refusal),
                None => {
                    let suspects = self.suspects();
                    let (complaints, group) = (&context.complaints, context.worker.group());
                    Polled::Failed(complaints.error(group, error, suspects))
                }
            },
        }
    }

    /// The assigned partitions with librdkafka's own positions, which are ahead of the worker's.
    fn suspects(&self) -> Vec<Suspect> {
        let Ok(list) = self.base.position() else {
            return Vec::new();
        };
        let suspect = |element: TopicPartitionListElem<'_>| Suspect {
            name: TopicPartition::new(element.topic(), element.partition()),
            position: match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            },
        };
        list.elements().into_iter().map(suspect).collect()
    }

    /// Commits `offsets` and blocks until the broker has answered.
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

    /// The end offsets of `partitions`: the offsets of their next messages.
    pub(crate) fn end_offsets(
        &self,
        partitions: &[&TopicPartition],
        time: Duration,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        self.offsets_at(partitions, Offset::End, time)
    }

    /// The first available offsets of `partitions`.
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
        // ListOffsets accepts librdkafka's -1 (end) and -2 (beginning) as timestamps.
        let answer = self.base.offsets_for_times(list, time);
        self.known_offsets(answer)
    }

    /// Returns the known offsets. A missing permission leaves offsets unknown, but is not a connection error.
    pub(super) fn known_offsets(
        &self,
        answer: KafkaResult<TopicPartitionList>,
    ) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
        match answer {
            Ok(offsets) => Ok(known_offsets(offsets)),
            Err(error) if self.note_refusal(&error) => Ok(HashMap::new()),
            Err(_) => Err(Unreachable),
        }
    }

    /// Reports a missing permission to the worker. Returns `true` if there is one.
    fn note_refusal(&self, error: &KafkaError) -> bool {
        let refusal = Refusal::of(error).filter(|refusal| refusal.is_of_permission());
        if let Some(refusal) = refusal {
            self.base.context().worker.refused(refusal);
        }
        refusal.is_some()
    }

    /// The group's committed offsets. A partition without one is left out.
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

    /// Leaves the group if librdkafka's close would not: otherwise the group waits for a member of the
    /// cooperative protocol without partitions until its session ends.
    pub(crate) fn leave_empty_handed(&self) {
        let has_none = self.base.assignment().is_ok_and(|list| list.count() == 0);
        if has_none && !self.is_static {
            self.base.unsubscribe();
        }
    }

    /// Silences this client, because another one replaces it.
    pub(crate) fn replaced(&self) {
        self.base
            .context()
            .is_replaced
            .store(true, Ordering::Release);
    }

    /// Checks whether a broker answers.
    pub(crate) fn ping(&self, time: Duration) -> Result<(), Unreachable> {
        let answer = self.base.fetch_metadata(None, time);
        answer.map(drop).map_err(|_| Unreachable)
    }
}

pub(super) fn is_of_connection(error: &KafkaError) -> bool {
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
