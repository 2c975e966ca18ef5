use super::choices::{ReplayPartition, ReplayTimestamp};
use super::deliveries;
use super::handle::{Progress, ReplayReport, ReplayStatus, Shared};
use super::letter::{DeadLetter, REPLAY_COUNT};
use super::marker::Marker;
use super::pace::Pace;
use super::reading::{ANSWER, Read, Reading};
use super::selection::{LeftReason, Limits, Selection};
use crate::error::ConsumerError;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{LogRate, non_zero, panics};
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerError, Record};
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After this many dead letters the progress is committed, even if all of them were left.
const LOOKS: usize = 10_000;

/// A batch ends at this many bytes, because its dead letters are kept in memory until they are acknowledged.
const BATCH_BYTES: usize = 32 << 20;

/// The settings of the writing side of a replay.
pub(super) struct Writing {
    pub(super) producer: KafkaProducer,
    pub(super) queue: String,
    pub(super) group: String,
    pub(super) selection: Selection,
    pub(super) limits: Limits,
    pub(super) timestamp: ReplayTimestamp,
    pub(super) rate: NonZeroU32,
    pub(super) batch_size: usize,
    pub(super) on_progress: Option<Arc<Progress>>,
}

/// One run of a replay, on its own thread.
pub(super) struct Run {
    shared: Arc<Shared>,
    reading: Reading,
    writing: Writing,
    /// The name of this run in the markers.
    name: String,
    pace: Pace,
    began: Instant,
    status: ReplayStatus,
    /// The dead letters of this batch that are in flight.
    sent: Vec<Sent>,
    /// Their size in bytes.
    bytes: usize,
    /// The number of dead letters that were read since the last commit.
    looked: usize,
    /// The number of dead letters that were written, or may have been, without a commit.
    in_doubt: u64,
    /// The topics that have acknowledged a dead letter.
    reached: HashSet<String>,
    refusals: LogRate,
}

struct Sent {
    letter: Arc<DeadLetter>,
    delivery: DeliveryFuture,
}

/// Why a run ends early.
enum Ended {
    Stopped,
    Failed(ConsumerError),
}

impl From<ConsumerError> for Ended {
    fn from(error: ConsumerError) -> Self {
        Self::Failed(error)
    }
}

impl Run {
    pub(super) fn new(shared: Arc<Shared>, reading: Reading, writing: Writing) -> Self {
        let status = ReplayStatus {
            total: reading.total(),
            to_come: reading.to_come(),
            ..ReplayStatus::default()
        };
        shared.tell(&status, 0);
        Self {
            shared,
            name: format!("{:016x}", fastrand::u64(..)),
            pace: Pace::new(writing.rate),
            reading,
            writing,
            began: Instant::now(),
            status,
            sent: Vec::new(),
            bytes: 0,
            looked: 0,
            in_doubt: 0,
            reached: HashSet::new(),
            refusals: LogRate::new(Duration::from_secs(1)),
        }
    }

    pub(super) fn run(mut self) {
        let at_risk = self.reading.at_risk;
        let queue = self.writing.queue.clone();
        let group = self.writing.group.clone();
        if at_risk > 0 {
            tracing::warn!(
                target: "rws_kafka", queue, group,
                "the last replay was interrupted: up to {at_risk} dead letters may be written \
                 twice"
            );
        }
        // Only the callback can panic here: a panic of the predicate is caught.
        let outcome = panics::catch(|| self.go());
        let error = match outcome {
            Ok(Ok(()) | Err(Ended::Stopped)) => None,
            Ok(Err(Ended::Failed(error))) => Some(error),
            Err(panic) => Some(ConsumerError::Fatal {
                detail: format!("the replay's callback panicked: {panic}"),
            }),
        };
        self.refresh();
        let uncommitted = self.unsettled();
        let written = self.status.replayed + uncommitted;
        let report = ReplayReport {
            status: self.status.clone(),
            already_passed: self.reading.already_passed,
            possibly_twice: at_risk.min(written),
            uncommitted,
            error,
        };
        report.log(&queue, &group);
        self.shared.over(report);
        // Producer and consumer are dropped last, because that may wait for a broker.
    }

    fn go(&mut self) -> Result<(), Ended> {
        // From here on, a later run knows about this one.
        self.reading.commit(&self.marker(false), ANSWER)?;
        loop {
            if self.shared.stop_by().is_some() {
                break;
            }
            match self.reading.next()? {
                Read::Finished => break,
                // Settles the dead letters in flight while there is nothing to read.
                Read::Nothing if self.unsettled() > 0 => self.settle()?,
                Read::Nothing => {}
                Read::Letter(letter) => {
                    if !self.take(letter)? {
                        break;
                    }
                }
            }
            if self.unsettled() >= self.writing.batch_size as u64
                || self.looked >= LOOKS
                || self.bytes >= BATCH_BYTES
            {
                self.settle()?;
            }
        }
        self.settle()?;
        self.finish()
    }

    /// Sends a dead letter or leaves it. Returns `false` if the replay is to stop.
    fn take(&mut self, letter: DeadLetter) -> Result<bool, Ended> {
        let letter = Arc::new(letter);
        match self.leaves(&letter)? {
            Some(reason) => *self.status.left.entry(reason).or_default() += 1,
            None => {
                if !self.shared.wait_until(self.pace.due()) {
                    return Ok(false);
                }
                self.send(&letter)?;
            }
        }
        self.reading.passed(&letter)?;
        self.looked += 1;
        self.refresh();
        Ok(true)
    }

    /// The cause for which `letter` is left, if it is.
    fn leaves(&self, letter: &DeadLetter) -> Result<Option<LeftReason>, ConsumerError> {
        let writing = &self.writing;
        let look = || writing.selection.leaves(letter, &writing.limits);
        panics::catch(look).map_err(|panic| ConsumerError::Fatal {
            detail: format!(
                "the replay's predicate panicked on {} offset {}: {panic}",
                letter.partition(),
                letter.offset(),
            ),
        })
    }

    fn send(&mut self, letter: &Arc<DeadLetter>) -> Result<(), Ended> {
        let sent = self.post(letter);
        self.sent.push(sent);
        self.bytes += letter.bytes();
        self.pace.went(Instant::now());
        let topic = letter.original_topic().unwrap_or_default();
        if !self.reached.contains(topic) {
            // Otherwise the next dead letters would wait behind it while the producer fetches the topic's
            // metadata, and then be sent in one burst.
            self.wait_for_all()?;
            self.reached.insert(topic.to_owned());
            self.pace.went(Instant::now());
        }
        Ok(())
    }

    fn post(&self, letter: &Arc<DeadLetter>) -> Sent {
        let topic = letter.original_topic().unwrap_or_default();
        let count = letter.replays().unwrap_or_default().saturating_add(1);
        let count = count.to_string();
        let record = record(letter, topic, &self.writing).header(REPLAY_COUNT, &count);
        Sent {
            letter: Arc::clone(letter),
            delivery: self.writing.producer.send_record_async(record),
        }
    }

    /// Waits for the acknowledgements of the dead letters in flight.
    fn wait_for_all(&mut self) -> Result<(), Ended> {
        let sent = std::mem::take(&mut self.sent);
        self.bytes = 0;
        let had_company = sent.len() > 1;
        let mut result = Ok(());
        let mut alone = Vec::new();
        for sent in sent {
            let letter = Arc::clone(&sent.letter);
            match self.outcome(sent) {
                Ok(Some(error)) if had_company && is_shared(&error) => alone.push(letter),
                Ok(Some(error)) => self.leave(&letter, &error),
                Ok(None) => {}
                // Reports the first error.
                Err(ended) => result = result.and(Err(ended)),
            }
        }
        for letter in alone {
            if result.is_err() {
                break;
            }
            self.in_doubt -= 1;
            let sent = self.post(&letter);
            match self.outcome(sent) {
                Ok(Some(error)) => self.leave(&letter, &error),
                Ok(None) => {}
                Err(ended) => result = Err(ended),
            }
        }
        self.refresh();
        result
    }

    /// Waits for the result of a dead letter. `Some` is a permanent refusal.
    fn outcome(&mut self, sent: Sent) -> Result<Option<ProducerError>, Ended> {
        let letter = sent.letter;
        self.in_doubt += 1;
        match deliveries::outcome(sent.delivery, &self.shared) {
            Some(Ok(_)) => {
                self.status.replayed += 1;
                self.reading.sent(&letter);
                Ok(None)
            }
            Some(Err(error)) if LeftReason::of_refusal(&error).is_some() => Ok(Some(error)),
            Some(Err(error)) => Err(Ended::Failed(ConsumerError::ReplayRefused {
                partition: letter.partition().clone(),
                offset: letter.offset(),
                topic: letter.original_topic().unwrap_or_default().to_owned(),
                source: Box::new(error),
            })),
            None => Err(Ended::Stopped),
        }
    }

    /// Counts and logs a dead letter that its topic permanently refuses.
    fn leave(&mut self, letter: &DeadLetter, error: &ProducerError) {
        self.in_doubt -= 1;
        let reason = LeftReason::of_refusal(error).unwrap_or(LeftReason::Refused);
        *self.status.left.entry(reason).or_default() += 1;
        if let Some(held_back) = self.refusals.admit() {
            tracing::warn!(
                target: "rws_kafka",
                queue = self.writing.queue,
                group = self.writing.group,
                partition = %letter.partition(),
                offset = letter.offset(),
                held_back = non_zero(held_back),
                error = with_causes(error),
                "a dead letter is left in the queue: {reason}"
            );
        }
    }

    /// Ends a batch: once all its dead letters are acknowledged, the progress is committed.
    fn settle(&mut self) -> Result<(), Ended> {
        self.wait_for_all()?;
        if self.looked == 0 {
            return Ok(());
        }
        let time = self.time_for_answer();
        if self.reading.committed(time)?.is_anothers(&self.name) {
            return Err(ConsumerError::ReplayTaken {
                queue: self.writing.queue.clone(),
                group: self.writing.group.clone(),
            }
            .into());
        }
        self.reading.commit(&self.marker(false), time)?;
        self.looked = 0;
        self.in_doubt = 0;
        self.refresh();
        if let Some(progress) = &self.writing.on_progress {
            progress(&self.status);
        }
        Ok(())
    }

    /// Commits that no dead letter is in doubt.
    fn finish(&mut self) -> Result<(), Ended> {
        let marker = self.marker(true);
        let time = self.time_for_answer();
        if self.reading.committed(time)?.is_anothers(&self.name) {
            return Ok(());
        }
        self.reading.commit(&marker, time)?;
        // librdkafka's commit returns an error only if all partitions failed.
        match self.reading.committed(time)?.is_all_of(&marker) {
            true => Ok(()),
            false => Err(ConsumerError::CommitRefused {
                detail: format!(
                    "group {}: the broker did not accept all offsets",
                    self.writing.group
                ),
            }
            .into()),
        }
    }

    fn marker(&self, is_last: bool) -> Marker {
        let own = match is_last {
            true => 0,
            false => self.writing.batch_size as u64,
        };
        Marker {
            run: self.name.clone(),
            at_risk: self.reading.still_at_risk().saturating_add(own),
        }
    }

    fn time_for_answer(&self) -> Duration {
        match self.shared.stop_by() {
            // A commit that begins at the deadline may still succeed.
            Some(by) => by
                .saturating_duration_since(Instant::now())
                .clamp(Duration::from_millis(500), ANSWER),
            None => ANSWER,
        }
    }

    fn refresh(&mut self) {
        self.status.to_come = self.reading.to_come();
        self.status.done = self.status.total - self.status.to_come;
        let seconds = self.began.elapsed().as_secs_f64();
        self.status.rate = self.status.replayed as f64 / seconds.max(0.001);
        self.shared.tell(&self.status, self.unsettled());
    }

    /// The number of sent dead letters whose offsets are not committed.
    fn unsettled(&self) -> u64 {
        self.in_doubt + self.sent.len() as u64
    }
}

/// Returns `true` if the dead letter may have been refused because of another one in its batch: brokers
/// accept or refuse a batch as a whole. It is then sent again on its own.
fn is_shared(error: &ProducerError) -> bool {
    matches!(
        LeftReason::of_refusal(error),
        Some(LeftReason::TooLarge | LeftReason::Refused)
    )
}

/// The original message with its headers; the count of replays is added later.
fn record<'a>(letter: &'a DeadLetter, topic: &'a str, writing: &Writing) -> Record<'a> {
    let mut record = Record::to(topic);
    if let Some(key) = letter.key() {
        record = record.key(key);
    }
    if let Some(payload) = letter.payload() {
        record = record.payload(payload);
    }
    if writing.timestamp == ReplayTimestamp::Original
        && let Some(ms) = letter.original_timestamp_ms()
        // The header may contain any number.
        && Record::TIMESTAMPS_MS.contains(&ms)
    {
        record = record.timestamp_ms(ms);
    }
    if writing.limits.partition == ReplayPartition::Original
        && let Some(partition) = letter.original_partition()
    {
        record = record.partition(partition);
    }
    for (name, value) in letter.own_headers() {
        record = match value {
            Some(value) => record.header(name, value),
            None => record.header(name, &None::<&[u8]>),
        };
    }
    record
}

impl ReplayReport {
    fn log(&self, queue: &str, group: &str) {
        let left: u64 = self.status.left.values().sum();
        let replayed = self.status.replayed;
        match &self.error {
            None => tracing::info!(
                target: "rws_kafka", queue, group, replayed, left,
                to_come = self.status.to_come,
                uncommitted = self.uncommitted,
                possibly_twice = self.possibly_twice,
                "replay ended"
            ),
            Some(error) => tracing::error!(
                target: "rws_kafka", queue, group, replayed, left,
                to_come = self.status.to_come,
                uncommitted = self.uncommitted,
                possibly_twice = self.possibly_twice,
                error = with_causes(error),
                "replay ended early"
            ),
        }
    }
}
