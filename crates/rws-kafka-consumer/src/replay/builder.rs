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

/// A replay, which publishes the messages of a dead letter queue to their original topics again.
///
/// A replayed message has the key, payload and headers of the original message. The headers of the queue are
/// removed (both forms of [`DeadLetterHeaders`](crate::DeadLetterHeaders)), and the header `rws-replay-count`
/// counts the replays of the message. If OpenTelemetry recorded the handling, `traceparent` stays that of the
/// dead letter.
///
/// Dead letters of one partition of the queue are sent in their order. If a topic refuses several dead
/// letters that were sent together, each of them is sent again on its own, after the others of its batch.
///
/// # Target topics
///
/// By default, a replay writes only to the topic that the queue is named after, whatever the dead letters'
/// headers contain. That is the queue's name without a final `dlq` or `dlt` (in any case) and the `.`, `-` or
/// `_` before it: `orders.created` for `orders.created.dlq`, `orders.created-dlt` and `orders.created.DLT`.
/// [`allow_targets`](Self::allow_targets) allows other topics, for example for a queue with another name. A
/// replay never writes to internal topics (`__…`).
///
/// A dead letter that can permanently not be replayed is left in the queue and counted by its
/// [cause](crate::LeftReason), and the replay continues. Its topic may not be allowed, may not exist, may not
/// be writable for the user, or may refuse the message, for example because of its size. The group has passed
/// such a dead letter. To replay it after the cause is fixed, use another [`group`](Self::group).
///
/// Every group that reads the topic receives the message again, even a group that has handled it before. A
/// deduplicator recognizes the message only by its header `rws-message-id`. Without one, it is a new message
/// with another offset.
///
/// A replay reads the queue up to its end at the start, so dead letters that fail again are not replayed in
/// the same run. Dead letters stay in the queue until its retention deletes them.
///
/// # Progress
///
/// A replay commits its progress as the offsets of a [`group`](Self::group) of its own, after each batch of
/// dead letters is acknowledged. The next run of the same group resumes a replay that was killed. It loses no
/// dead letter, writes at most the last batch twice, and [reports that](crate::ReplayReport::possibly_twice).
///
/// Dead letters that the group has passed are not read again, whether they were replayed or left. To select
/// among them again, use another group. If two runs of one group run at the same time, the one that began
/// first ends after its current batch.
///
/// The group has no members, so brokers delete its offsets seven days after the last commit
/// (`offsets.retention.minutes`). The next run then begins with the first dead letter. Use
/// [`failed_within`](Self::failed_within) to leave out dead letters that must not be replayed again.
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
    /// Creates a replay of all dead letters of the topic `queue`. The group of `config` is not used.
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

    /// Sets the group whose committed offsets are the progress of the replay. Default `rws-kafka-replay`. The
    /// group must have no members.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Selects only these offsets of this partition of the queue. It may be called for several partitions;
    /// partitions that are not named are left out.
    ///
    /// Dead letters before the range count as passed without being read: to replay them later, use another
    /// [`group`](Self::group).
    ///
    /// A dead letter must match all conditions of the replay.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::{ConsumerConfig, Replay};
    /// let replay = Replay::new(ConsumerConfig::from_env()?, "orders.created.dlq")
    ///     .group("replay-of-incident-42")
    ///     .offsets(0, 120..=180);
    /// # Ok(())
    /// # }
    /// ```
    pub fn offsets(mut self, partition: i32, range: impl RangeBounds<i64>) -> Self {
        self.selection.offsets.insert(partition, offsets(&range));
        self
    }

    /// Selects only messages that were dead-lettered within `times`, by their header `rws-dlq-failed-at`.
    /// `times` must not be empty.
    ///
    /// Dead letters in Spring's form do not have this header and are left.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::{ConsumerConfig, Replay};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
    /// let replay = Replay::new(ConsumerConfig::from_env()?, "orders.created.dlq")
    ///     .failed_within(yesterday..);
    /// # Ok(())
    /// # }
    /// ```
    pub fn failed_within(mut self, times: impl RangeBounds<SystemTime>) -> Self {
        let bounds = (times.start_bound().cloned(), times.end_bound().cloned());
        self.selection.failed = Some(bounds);
        self
    }

    /// Selects only dead letters whose original message has a timestamp within `times`, by the header that
    /// contains it. Dead letters without that header are left. `times` must not be empty.
    pub fn sent_within(mut self, times: impl RangeBounds<SystemTime>) -> Self {
        let bounds = (times.start_bound().cloned(), times.end_bound().cloned());
        self.selection.sent = Some(bounds);
        self
    }

    /// Selects only dead letters for which `predicate` returns `true`. A panic in it ends the replay.
    pub fn matching<F>(mut self, predicate: F) -> Self
    where
        F: Fn(&DeadLetter) -> bool + Send + Sync + 'static,
    {
        self.selection.predicate = Some(Arc::new(predicate));
        self
    }

    /// Sets the maximum number of dead letters that are sent per second. Default 100; 1 to 1,000,000. No
    /// burst follows a pause.
    pub fn rate(mut self, letters_a_second: u32) -> Self {
        self.rate = letters_a_second;
        self
    }

    /// Sets how many dead letters are sent before the replay waits for their acknowledgements and commits
    /// their offsets. Default 100; 1 to 10,000. At most the [`rate`](Self::rate) of one second.
    ///
    /// After a crash, at most one batch is written twice.
    pub fn batch_size(mut self, letters: usize) -> Self {
        self.batch_size = letters;
        self
    }

    /// Sets how often a message may be replayed. Default 3; at least 1. Dead letters that were replayed that
    /// often, according to their header `rws-replay-count`, are left.
    pub fn max_replays(mut self, replays: u32) -> Self {
        self.max_replays = replays;
        self
    }

    /// Allows topics in addition to the one that the queue is named after. May be called several times.
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

    /// Sets which partition of its topic a dead letter is published to. Default [`ReplayPartition::ByKey`].
    pub fn partition(mut self, partition: ReplayPartition) -> Self {
        self.partition = partition;
        self
    }

    /// Sets which timestamp a dead letter is published with. Default [`ReplayTimestamp::Now`].
    pub fn timestamp(mut self, timestamp: ReplayTimestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Sets the producer, for example for topics in another cluster than the queue. By default the replay
    /// creates a producer. It does not close one that you pass in.
    pub fn producer(mut self, producer: KafkaProducer) -> Self {
        self.producer = Some(producer);
        self
    }

    /// Sets a callback that is called after each batch. It runs on the replay's thread, which waits for it. A
    /// panic in it ends the replay.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::{ConsumerConfig, Replay};
    /// let replay = Replay::new(ConsumerConfig::from_env()?, "orders.created.dlq")
    ///     .on_progress(|status| println!("{} of {}", status.done, status.total));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_progress<F>(mut self, progress: F) -> Self
    where
        F: Fn(&ReplayStatus) + Send + Sync + 'static,
    {
        self.on_progress = Some(Arc::new(progress));
        self
    }

    /// Reads the queue as [`start`](Self::start) would, and returns what it would do. It writes neither dead
    /// letters nor offsets.
    ///
    /// The call blocks until the queue is read. It waits up to 30 s for each answer of the broker.
    ///
    /// # Errors
    ///
    /// The errors of `start`, and [`ConsumerError::QueueUnreadable`] if the queue cannot be read to its end.
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

    /// Starts the replay on a thread of its own.
    ///
    /// The call blocks until the broker has returned the state of the queue, for up to 30 s for each answer.
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::Setting`] if a setting is out of range, or if the replay may write to no topic.
    /// - [`ConsumerError::NoSuchQueue`] if the queue does not exist.
    /// - [`ConsumerError::QueueUnreadable`] if the queue or the group's offsets cannot be read.
    /// - [`ConsumerError::Property`] if librdkafka refuses the settings.
    /// - [`ConsumerError::ReplayProducer`] if the producer cannot be created.
    /// - [`ConsumerError::Thread`] if the system cannot start a thread.
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
            // A follower may end earlier than the leader, which reported the bounds.
            "client.rack",
        ] {
            properties.remove(name);
        }
        for (name, value) in [
            ("group.id", self.group.as_str()),
            ("enable.partition.eof", "true"),
            // Skips dead letters that were deleted meanwhile.
            ("auto.offset.reset", "earliest"),
            // Nothing reads the statistics, and rdkafka would log them.
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
            return wrong("queue", format!("is not a valid topic: {error}"));
        }
        self.targets.check()?;
        if self.group.is_empty() {
            return wrong("group", "is empty; a group name is needed".to_owned());
        }
        if !(1..=1_000_000).contains(&self.rate) {
            let problem = format!(
                "is {} dead letters per second; 1 to 1,000,000 are allowed",
                self.rate
            );
            return wrong("rate", problem);
        }
        if !(1..=MAX_BATCH).contains(&self.batch_size) {
            let problem = format!("is {}; 1 to 10,000 are allowed", self.batch_size);
            return wrong("batch_size", problem);
        }
        if self.max_replays == 0 {
            return wrong("max_replays", "is 0; at least 1 is needed".to_owned());
        }
        for (partition, (start, end)) in &self.selection.offsets {
            if *partition < 0 || *start < 0 || start >= end {
                let problem = format!(
                    "of partition {partition} are {start} up to {end}; they must begin at 0 or \
                     later and not be empty"
                );
                return wrong("offsets", problem);
            }
        }
        for (setting, times) in [
            ("failed_within", &self.selection.failed),
            ("sent_within", &self.selection.sent),
        ] {
            if times.as_ref().is_some_and(is_empty) {
                return wrong(
                    setting,
                    "is empty; the range must end after it begins".to_owned(),
                );
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
