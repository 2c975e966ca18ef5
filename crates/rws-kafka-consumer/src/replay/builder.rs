use super::choices::{ReplayPartition, ReplayTimestamp};
use super::handle::{Progress, ReplayHandle, Shared};
use super::letter::DeadLetter;
use super::preview::ReplayPreview;
use super::reading::{Read, Reading};
use super::run::{Run, Writing};
use super::selection::{Limits, Selection, is_empty, offsets};
use super::targets::Targets;
use crate::error::ConsumerError;
use crate::replay::handle::ReplayStatus;
use crate::settings::config::ConsumerConfig;
use crate::transport::QueueReader;
use rws_kafka_client::Connection;
use rws_kafka_producer::{KafkaProducer, check_topic_name};
use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::SystemTime;

/// Brings dead letters back to the topics that they came from.
///
/// Key, payload and headers are as the message had them, without the headers of the queue (in both
/// forms of [`DeadLetterHeaders`](crate::DeadLetterHeaders)), and with `rws-replay-count`: how often it was
/// brought back. Where OpenTelemetry recorded the handling, `traceparent` stays that of the letter.
/// Letters of a partition of the queue are sent in their order; where a topic refuses several at a time, each
/// of them is sent again alone, behind the others of its batch.
///
/// # Which topics it writes to
///
/// Only the one that the queue is named after, whatever the letters' headers say: what is left of the
/// queue's name without `dlq` or `dlt` (in any case) and the `.`, `-` or `_` before it, so `orders.created`
/// for `orders.created.dlq`, `orders.created-dlt` and `orders.created.DLT`. Other topics, or the topics of a
/// queue with another name, must be [allowed](Self::allow_targets). Internal topics (`__…`) are never
/// written to.
///
/// A letter that cannot be brought back for a reason that lasts is left in the queue and counted by
/// [why](crate::LeftReason), and the replay goes on: one for a topic that is not allowed or does not exist,
/// that the user may not write to, that takes no message of this size, or refuses it otherwise. The group
/// has passed it then: bring it back by another [`group`](Self::group) once the cause is mended.
///
/// Every group that reads such a topic gets the message again, and one that had handled it handles
/// it again. A deduplicator knows it by its header `rws-message-id` only: without one, it is a
/// message of another offset.
///
/// The queue is read to where it ended at the start: what fails again is not chased. Letters stay in
/// it until its retention deletes them.
///
/// # How far it is
///
/// is kept as the offsets of a [`group`](Self::group) of its own, which move only when a batch of
/// letters is acknowledged. A run that was killed is gone on with by the next of the same group: it
/// loses nothing, writes no more than the last batch twice, and
/// [says so](crate::ReplayReport::possibly_twice). What the group has passed is not looked at again,
/// whether it was replayed or left: to select among it anew, name another group. Of two runs of one
/// group at a time, the one that began first ends at its next batch.
///
/// The group has no members, so brokers delete its offsets seven days after the last commit
/// (`offsets.retention.minutes`), and the next run begins with the first letter: letters that are
/// not to come back once more are kept out by [`failed_within`](Self::failed_within).
///
/// ```no_run
/// use rws_kafka_consumer::{ConsumerConfig, Replay};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let replay = Replay::new(ConsumerConfig::from_env()?, "orders.created.dlq")
///     .matching(|letter| letter.reason() == Some("no such customer"))
///     .rate(50);
/// println!("{:#?}", replay.dry_run()?);
/// let report = replay.start()?.join();
/// assert!(report.is_complete());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a replay does nothing until it is started"]
pub struct Replay {
    config: ConsumerConfig,
    queue: String,
    group: String,
    selection: Selection,
    rate: u32,
    batch_size: usize,
    max_replays: u32,
    targets: Targets,
    partition: ReplayPartition,
    timestamp: ReplayTimestamp,
    producer: Option<KafkaProducer>,
    on_progress: Option<Arc<Progress>>,
}

const MAX_BATCH: usize = 10_000;

impl Replay {
    /// A replay of all letters of the topic `queue`. The group of `config` is not used.
    pub fn new(config: impl Into<ConsumerConfig>, queue: impl Into<String>) -> Self {
        let queue = queue.into();
        Self {
            config: config.into(),
            targets: Targets::of(&queue),
            queue,
            group: "rws-kafka-replay".to_owned(),
            selection: Selection::default(),
            rate: 100,
            batch_size: 100,
            max_replays: 3,
            partition: ReplayPartition::default(),
            timestamp: ReplayTimestamp::default(),
            producer: None,
            on_progress: None,
        }
    }

    /// The group whose offsets tell how far it is. Default `rws-kafka-replay`. It must have no members.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Only these offsets of this partition of the queue. May be called for several partitions; the
    /// others are then left out. What comes before them counts as passed from the start on, though
    /// nobody looked at it: name another [`group`](Self::group) for what a later run is to bring back.
    ///
    /// All conditions that are set must hold.
    pub fn offsets(mut self, partition: i32, range: impl RangeBounds<i64>) -> Self {
        self.selection.offsets.insert(partition, offsets(&range));
        self
    }

    /// Only letters that were given up within `times`, by their header `rws-dlq-failed-at`. Spring
    /// writes none: its letters are left. The times must not be empty.
    pub fn failed_within(mut self, times: impl RangeBounds<SystemTime>) -> Self {
        let bounds = (times.start_bound().cloned(), times.end_bound().cloned());
        self.selection.failed = Some(bounds);
        self
    }

    /// Only letters whose message has a timestamp within `times`, by the header that says where it came
    /// from; letters without are left. The times must not be empty.
    pub fn sent_within(mut self, times: impl RangeBounds<SystemTime>) -> Self {
        let bounds = (times.start_bound().cloned(), times.end_bound().cloned());
        self.selection.sent = Some(bounds);
        self
    }

    /// Only letters that `predicate` is true for. A panic in it ends the replay.
    pub fn matching<F>(mut self, predicate: F) -> Self
    where
        F: Fn(&DeadLetter) -> bool + Send + Sync + 'static,
    {
        self.selection.predicate = Some(Arc::new(predicate));
        self
    }

    /// How many letters a second are sent at most. Default 100; 1 to 1,000,000. No burst follows a
    /// pause.
    pub fn rate(mut self, letters_a_second: u32) -> Self {
        self.rate = letters_a_second;
        self
    }

    /// How many letters are sent before the acknowledgement of all of them is waited for and their
    /// offsets are committed: as many may be written twice after a crash. Default 100; 1 to 10,000.
    /// A batch is no larger than what a second's [`rate`](Self::rate) is.
    pub fn batch_size(mut self, letters: usize) -> Self {
        self.batch_size = letters;
        self
    }

    /// How often a message may be brought back: letters that were, by their header
    /// `rws-replay-count`, are left. Default 3; at least 1.
    pub fn max_replays(mut self, replays: u32) -> Self {
        self.max_replays = replays;
        self
    }

    /// Topics that letters may be brought back to as well as the one that the queue is named after. May be
    /// called several times.
    ///
    /// ```no_run
    /// use rws_kafka_consumer::{ConsumerConfig, Replay};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let replay = Replay::new(ConsumerConfig::from_env()?, "dead-letters")
    ///     .allow_targets(["orders.created", "orders.paid"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_targets<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        for topic in topics {
            self.targets.allow(topic.into());
        }
        self
    }

    /// Which partition of its topic a letter goes to. Default [`ReplayPartition::ByKey`].
    pub fn partition(mut self, partition: ReplayPartition) -> Self {
        self.partition = partition;
        self
    }

    /// Which timestamp a letter gets. Default [`ReplayTimestamp::Now`].
    pub fn timestamp(mut self, timestamp: ReplayTimestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// The producer, for topics in another cluster than the queue's or with other settings. By
    /// default the replay makes one. It does not close the one that it is given.
    pub fn producer(mut self, producer: KafkaProducer) -> Self {
        self.producer = Some(producer);
        self
    }

    /// Called after each batch, on the replay's thread, which waits for it. A panic in it ends the
    /// replay.
    pub fn on_progress<F>(mut self, progress: F) -> Self
    where
        F: Fn(&ReplayStatus) + Send + Sync + 'static,
    {
        self.on_progress = Some(Arc::new(progress));
        self
    }

    /// Reads what a [`start`](Self::start) would, and tells what it would do. Writes nothing, neither
    /// letters nor offsets. Blocks until the queue is read; each answer of the broker may take 30 s.
    ///
    /// # Errors
    ///
    /// As `start`, and [`ConsumerError::QueueUnreadable`] while it reads.
    pub fn dry_run(&self) -> Result<ReplayPreview, ConsumerError> {
        self.check()?;
        let mut reading = self.reading()?;
        let mut preview = ReplayPreview {
            already_passed: reading.already_passed,
            ..ReplayPreview::default()
        };
        let limits = self.limits();
        loop {
            match reading.next()? {
                Read::Finished => break,
                Read::Nothing => {}
                Read::Letter(letter) => {
                    match self.selection.leaves(&letter, &limits) {
                        None => preview.add(&letter),
                        Some(reason) => preview.leave(&letter, reason),
                    }
                    reading.passed(&letter)?;
                }
            }
        }
        preview.possibly_twice = reading.at_risk.min(preview.replayed);
        Ok(preview)
    }

    /// Starts it on a thread of its own, once the broker has said what the queue holds, which may
    /// take 30 s for each answer.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Setting`] for one that is out of range, or when there is no topic that it may write
    /// to; [`ConsumerError::NoSuchQueue`], [`ConsumerError::QueueUnreadable`], [`ConsumerError::Property`],
    /// [`ConsumerError::ReplayProducer`], [`ConsumerError::Thread`].
    pub fn start(&self) -> Result<ReplayHandle, ConsumerError> {
        self.check()?;
        let reading = self.reading()?;
        self.targets.check_not_empty()?;
        let producer = match &self.producer {
            Some(producer) => producer.clone(),
            None => KafkaProducer::new(self.config.letters_producer("replay"))
                .map_err(|error| ConsumerError::ReplayProducer(Box::new(error)))?,
        };
        let rate = NonZeroU32::new(self.rate).unwrap_or(NonZeroU32::MIN);
        let of_a_second = usize::try_from(self.rate).unwrap_or(usize::MAX);
        let shared = Arc::new(Shared::default());
        let run = Run::new(
            Arc::clone(&shared),
            reading,
            Writing {
                producer,
                queue: self.queue.clone(),
                group: self.group.clone(),
                selection: self.selection.clone(),
                limits: self.limits(),
                timestamp: self.timestamp,
                rate,
                batch_size: self.batch_size.min(of_a_second),
                on_progress: self.on_progress.clone(),
            },
        );
        let thread = std::thread::Builder::new().name("rws-kafka-replay".to_owned());
        let spawned = thread.spawn(move || run.run());
        spawned.map_err(|error| ConsumerError::Thread {
            detail: error.to_string(),
        })?;
        Ok(ReplayHandle::new(shared))
    }

    pub(super) fn reading(&self) -> Result<Reading, ConsumerError> {
        let mut properties = self.config.properties();
        for name in [
            "group.instance.id",
            "group.protocol",
            "group.remote.assignor",
            // A follower may end before the leader, which has the bounds.
            "client.rack",
        ] {
            properties.remove(name);
        }
        for (name, value) in [
            ("group.id", self.group.as_str()),
            ("enable.partition.eof", "true"),
            // Letters that were deleted meanwhile are passed over.
            ("auto.offset.reset", "earliest"),
            // Nobody reads them, and rdkafka would log them.
            ("statistics.interval.ms", "0"),
        ] {
            properties.set(name, value);
        }
        let connection = Connection::new(self.config.client_properties());
        let reader = QueueReader::new(&properties, &self.queue, connection)?;
        Reading::begin(reader, &self.selection)
    }

    fn limits(&self) -> Limits {
        Limits {
            targets: self.targets.clone(),
            max_replays: self.max_replays,
            partition: self.partition,
        }
    }

    fn check(&self) -> Result<(), ConsumerError> {
        let wrong = |setting, problem| Err(ConsumerError::Setting { setting, problem });
        if let Err(error) = check_topic_name(&self.queue) {
            return wrong("queue", format!("is no topic: {error}"));
        }
        self.targets.check()?;
        if self.group.is_empty() {
            return wrong("group", "is empty, and must be a name".to_owned());
        }
        if !(1..=1_000_000).contains(&self.rate) {
            let problem = format!(
                "is {}, and must be 1 to 1,000,000 letters a second",
                self.rate
            );
            return wrong("rate", problem);
        }
        if !(1..=MAX_BATCH).contains(&self.batch_size) {
            let problem = format!("is {}, and must be 1 to 10,000", self.batch_size);
            return wrong("batch_size", problem);
        }
        if self.max_replays == 0 {
            return wrong("max_replays", "is 0, and must be at least 1".to_owned());
        }
        for (partition, (start, end)) in &self.selection.offsets {
            if *partition < 0 || *start < 0 || start >= end {
                let problem = format!(
                    "of partition {partition} are {start} up to {end}, and must be from 0 on and not empty"
                );
                return wrong("offsets", problem);
            }
        }
        for (setting, times) in [
            ("failed_within", &self.selection.failed),
            ("sent_within", &self.selection.sent),
        ] {
            if times.as_ref().is_some_and(is_empty) {
                return wrong(setting, "is empty, and must end after it begins".to_owned());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("config", &self.config)
            .field("queue", &self.queue)
            .field("group", &self.group)
            .field("selection", &self.selection)
            .field("rate", &self.rate)
            .field("batch_size", &self.batch_size)
            .field("max_replays", &self.max_replays)
            .field("targets", &self.targets)
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
