//! Reads a dead letter queue without membership in a group.

use super::complaints::{Complaints, described};
use super::consumer::is_of_connection;
use super::fetched::Fetched;
use super::lists::{fetch_error, list};
use crate::error::ConsumerError;
use crate::replay::DeadLetter;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_client::{self as shared, Connection};
use rws_kafka_config::Properties;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_native::Message;
use rws_kafka_observe::{LogRate, non_zero};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// The pause before the broker is asked again after a temporary refusal.
const AGAIN: Duration = Duration::from_millis(100);

/// The timeout of one try to read the group's offsets, before the cause of a failure is checked.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) struct QueueReader {
    base: Arc<BaseConsumer<Context>>,
    queue: Arc<str>,
    group: String,
    left_out: LogRate,
}

/// The committed offset of a partition.
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

pub(crate) enum QueuePolled {
    Letter(DeadLetter),
    /// This partition has no further letter at the moment.
    End(i32),
    Nothing,
    Failed(ConsumerError),
}

impl QueueReader {
    pub(crate) fn new(
        properties: &Properties,
        queue: &str,
        connection: Connection,
    ) -> Result<Self, ConsumerError> {
        let context = Context {
            connection,
            complaints: Complaints::new(properties),
            logs: shared::Logs::new(properties),
        };
        let base = shared::client_config(properties).create_with_context(context);
        let base = base.map_err(|error| ConsumerError::Property {
            detail: shared::creation_failed(properties, &error),
        })?;
        Ok(Self {
            base: Arc::new(base),
            queue: queue.into(),
            group: properties.get("group.id").unwrap_or_default().to_owned(),
            left_out: LogRate::new(Duration::from_secs(10)),
        })
    }

    /// The numbers of the queue's partitions.
    pub(crate) fn partitions(&self, time: Duration) -> Result<Vec<i32>, ConsumerError> {
        let answer = self.base.fetch_metadata(Some(&self.queue), time);
        let answer = answer.map_err(|error| self.unreadable(&error))?;
        let mut topics = answer.topics().iter();
        let topic = topics.find(|topic| topic.name() == &*self.queue);
        if let Some(code) = topic.and_then(|topic| topic.error()) {
            return Err(self.unreadable(&KafkaError::MetadataFetch(code.into())));
        }
        let partitions = topic.into_iter().flat_map(|topic| topic.partitions());
        let mut numbers: Vec<i32> = partitions.map(|partition| partition.id()).collect();
        if numbers.is_empty() {
            let queue = self.queue.to_string();
            return Err(ConsumerError::NoSuchQueue { queue });
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The first available offset of a partition, and its end.
    pub(crate) fn bounds(
        &self,
        partition: i32,
        time: Duration,
    ) -> Result<(i64, i64), ConsumerError> {
        let ask = |left| self.base.fetch_watermarks(&self.queue, partition, left);
        asked(time, ask).map_err(|error| self.unreadable(&error))
    }

    pub(crate) fn committed(
        &self,
        partitions: impl Iterator<Item = i32> + Clone,
        time: Duration,
    ) -> Result<BTreeMap<i32, Committed>, ConsumerError> {
        let ask = |left| self.ask_for_committed(partitions.clone(), left);
        asked(time, ask).map_err(|error| self.offsets_unknown(&error))
    }

    /// Reads the committed offsets while nothing is assigned. A missing permission for the group is reported
    /// at once: librdkafka looks for the group's coordinator until the timeout, and reports the cause only to
    /// a poll.
    pub(crate) fn first_committed(
        &self,
        partitions: impl Iterator<Item = i32> + Clone,
        time: Duration,
    ) -> Result<BTreeMap<i32, Committed>, ConsumerError> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let ask = |left| self.ask_for_committed(partitions.clone(), left);
            match asked(left.min(LOOK), ask) {
                Err(error) if left > LOOK && (is_of_connection(&error) || is_passing(&error)) => {}
                answer => return answer.map_err(|error| self.offsets_unknown(&error)),
            }
            while let Some(outcome) = self.base.poll(Duration::ZERO) {
                if let Err(error) = outcome
                    && is_of_group(&error)
                {
                    return Err(self.group_refused(&error));
                }
            }
        }
    }

    fn offsets_unknown(&self, error: &KafkaError) -> ConsumerError {
        if is_of_group(error) {
            return self.group_refused(error);
        }
        if is_of_connection(error) {
            return self.silent();
        }
        ConsumerError::QueueUnreadable {
            queue: self.queue.to_string(),
            detail: format!("group {}: {}", self.group, described(error)),
        }
    }

    fn group_refused(&self, error: &KafkaError) -> ConsumerError {
        ConsumerError::QueueUnreadable {
            queue: self.queue.to_string(),
            detail: format!(
                "group {}: {}: the user of the replay needs Read on it",
                self.group,
                described(error)
            ),
        }
    }

    fn ask_for_committed(
        &self,
        partitions: impl Iterator<Item = i32>,
        time: Duration,
    ) -> Result<BTreeMap<i32, Committed>, KafkaError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.queue, partition);
        }
        let answer = self.base.committed_offsets(list, time)?;
        let mut committed = BTreeMap::new();
        for element in answer.elements() {
            element.error()?;
            if let Offset::Offset(offset) = element.offset() {
                let metadata = element.metadata().to_owned();
                committed.insert(element.partition(), Committed { offset, metadata });
            }
        }
        Ok(committed)
    }

    /// Reads `partitions` from these offsets.
    pub(crate) fn assign(
        &self,
        partitions: impl Iterator<Item = (i32, i64)>,
    ) -> Result<(), ConsumerError> {
        let list = self
            .list(partitions)
            .map_err(|error| self.unreadable(&error))?;
        let assigned = self.base.assign(&list);
        assigned.map_err(|error| self.unreadable(&error))
    }

    /// Reads this partition from `offset`, whatever was read before.
    pub(crate) fn seek(
        &self,
        partition: i32,
        offset: i64,
        time: Duration,
    ) -> Result<(), ConsumerError> {
        let offset = Offset::Offset(offset);
        let sought = self.base.seek(&self.queue, partition, offset, time);
        let name = || TopicPartition::new(Arc::clone(&self.queue), partition);
        sought.map_err(|error| fetch_error([&name()], &error))
    }

    /// Stops reading this partition.
    pub(crate) fn leave(&self, partition: i32) -> Result<(), ConsumerError> {
        let partition = TopicPartition::new(Arc::clone(&self.queue), partition);
        let result = self.base.pause(&list([&partition]));
        result.map_err(|error| fetch_error([&partition], &error))
    }

    pub(crate) fn poll(&self, time: Duration) -> QueuePolled {
        match self.base.poll(time) {
            None => QueuePolled::Nothing,
            Some(Ok(message)) => QueuePolled::Letter(self.letter(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => QueuePolled::End(partition),
            // librdkafka recovers by itself, and the caller has a deadline.
            Some(Err(error)) if is_of_connection(&error) => QueuePolled::Nothing,
            Some(Err(error)) => QueuePolled::Failed(self.unreadable(&error)),
        }
    }

    fn letter(&self, message: &BorrowedMessage<'_>) -> DeadLetter {
        let partition = message.partition();
        let message = Fetched::new(Message::from(message));
        let mut headers = Vec::new();
        let left_out = message.for_each_header(|name, value| {
            headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
        });
        if left_out > 0
            && let Some(held_back) = self.left_out.admit()
        {
            tracing::warn!(
                target: "rws_kafka",
                queue = &*self.queue,
                partition,
                offset = message.offset(),
                left_out,
                held_back = non_zero(held_back),
                "headers whose names are not UTF-8 are left out"
            );
        }
        DeadLetter {
            at: TopicPartition::new(Arc::clone(&self.queue), partition),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers,
            timestamp: message.timestamp(),
        }
    }

    /// Commits `offsets` and blocks until the broker has answered, for at most `time`.
    pub(crate) fn commit(
        &self,
        offsets: impl Iterator<Item = (i32, i64)>,
        metadata: &str,
        time: Duration,
    ) -> Result<(), ConsumerError> {
        let refused = |error: KafkaError| ConsumerError::CommitRefused {
            detail: match is_of_group(&error) {
                true => format!(
                    "group {}: {}: the user of the replay needs Read on it",
                    self.group,
                    described(&error)
                ),
                false => format!(
                    "group {}, which must have no members: {}",
                    self.group,
                    described(&error)
                ),
            },
        };
        let list = self.list(offsets).map_err(refused)?;
        for element in &mut list.elements() {
            element.set_metadata(metadata);
        }
        // librdkafka's synchronous commit has no deadline. It runs on a thread of its own, which is abandoned
        // after a timeout.
        let base = Arc::clone(&self.base);
        let (done, outcome) = channel();
        let commit = move || {
            let committed = asked(time, |_| base.commit(&list, CommitMode::Sync));
            let _ = done.send(committed);
        };
        let thread = Builder::new().name("rws-kafka-replay-commit".to_owned());
        let spawned = thread.spawn(commit);
        spawned.map_err(|error| ConsumerError::Thread {
            detail: error.to_string(),
        })?;
        match outcome.recv_timeout(time) {
            Ok(outcome) => outcome.map_err(refused),
            Err(_) => Err(ConsumerError::CommitTimedOut),
        }
    }

    /// The error of a broker that has not answered in time, with the cause if the connection has one.
    pub(crate) fn silent(&self) -> ConsumerError {
        let cause = self.base.context().connection.cause();
        ConsumerError::QueueUnreadable {
            queue: self.queue.to_string(),
            detail: match cause {
                Some(cause) => cause.to_string(),
                None => "the broker did not answer in time".to_owned(),
            },
        }
    }

    fn unreadable(&self, error: &KafkaError) -> ConsumerError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                ConsumerError::NoSuchQueue {
                    queue: self.queue.to_string(),
                }
            }
            _ if is_of_connection(error) => self.silent(),
            _ => ConsumerError::QueueUnreadable {
                queue: self.queue.to_string(),
                detail: self.base.context().complaints.detail(error),
            },
        }
    }

    fn list(
        &self,
        offsets: impl Iterator<Item = (i32, i64)>,
    ) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.queue, partition, Offset::Offset(offset))?;
        }
        Ok(list)
    }
}

/// Asks the broker, repeatedly while its refusal is temporary, for at most `time`.
fn asked<T>(
    time: Duration,
    ask: impl Fn(Duration) -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    let until = Instant::now() + time;
    loop {
        match ask(until.saturating_duration_since(Instant::now())) {
            Err(error) if is_passing(&error) && Instant::now() + AGAIN < until => sleep(AGAIN),
            answer => return answer,
        }
    }
}

/// Returns `true` if the user lacks a permission on the group.
fn is_of_group(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
}

/// Returns `true` if a coordinator or a leader has just started or moved, so that the request can be
/// repeated.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::WaitingForCoordinator
                | RDKafkaErrorCode::UnstableOffsetCommit
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::OffsetNotAvailable
        )
    )
}

struct Context {
    connection: Connection,
    logs: shared::Logs,
    complaints: Complaints,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.complaints.note(&error, reason);
        shared::note_error(&self.connection, &error, reason);
    }
}

impl ConsumerContext for Context {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use crate::settings::config::ConsumerConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    #[test]
    fn a_group_that_may_not_be_used_is_named_at_once() {
        let mock = MockCluster::new(1).expect("a mock cluster");
        mock.create_topic("orders.dlq", 1, 1).expect("a topic");
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        mock.request_errors(RDKafkaApiKey::FindCoordinator, &[code; 1_000]);
        let config = ConsumerConfig::new(mock.bootstrap_servers(), "not used").unwrap();
        let began = Instant::now();
        let replay = Replay::new(config, "orders.dlq").group("of-others");
        let error = replay.dry_run().unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20), "{began:?}");
        let error = error.to_string();
        for expected in [
            "group of-others: ",
            "GroupAuthorizationFailed",
            "needs Read",
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_queue_that_may_not_be_seen_is_not_told_as_missing() {
        let mock = MockCluster::new(1).expect("a mock cluster");
        mock.create_topic("orders.dlq", 1, 1).expect("a topic");
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        mock.topic_error("orders.dlq", code).expect("a topic");
        let config = ConsumerConfig::new(mock.bootstrap_servers(), "not used").unwrap();
        let error = Replay::new(config, "orders.dlq").dry_run().unwrap_err();
        let is_unreadable = matches!(error, ConsumerError::QueueUnreadable { .. });
        assert!(is_unreadable, "{error:?}");
        assert!(
            error.to_string().contains("Topic authorization failed"),
            "{error}"
        );
    }
}
