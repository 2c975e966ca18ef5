use super::shared::Engine;
use crate::error::ConsumerError;
use crate::partition::{BatchBuilder, Partition};
use crate::transport::{Consumer, Fetched, Polled};
use rws_kafka_dispatch::history::{self, Place};
use rws_kafka_dispatch::{Start, cut};
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{LogRate, non_zero};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A batch is handed out when it has this many messages…
const BATCH_MESSAGES: usize = 256;
/// …or this many bytes, or when librdkafka has no further message in memory.
const BATCH_BYTES: usize = 256 * 1024;
/// The maximum number of messages that are polled before the other duties of the thread.
const BURST: usize = 4096;
/// The maximum duration of a poll without a message. A stop is noticed within it.
const IDLE_POLL: Duration = Duration::from_millis(50);
/// The same while partitions are paused, which are resumed within it.
const PAUSED_POLL: Duration = Duration::from_millis(5);
/// How long a full partition may block the poll thread before it is paused. A pause discards the messages
/// that librdkafka has prefetched.
const PATIENCE: Duration = Duration::from_millis(20);

/// The pause after committed offsets could not be read.
const REWIND_PAUSE: Duration = Duration::from_millis(200);

/// Fetches messages and hands them out, on the only thread that runs the consumer's callbacks.
pub(crate) struct Poller<'a> {
    engine: &'a Arc<Engine>,
    consumer: &'a Consumer,
    open: Option<BatchBuilder>,
    /// The open batch's topic, by [`Fetched::topic_address`].
    open_topic: usize,
    /// The offset of the open batch's last message.
    last_offset: i64,
    /// The maximum number of messages in the open batch: at most its partition's share.
    limit: usize,
    /// The size of the last batch, as an estimate for the next one.
    usual_bytes: usize,
    paused: Vec<Arc<Partition>>,
    /// A full partition has blocked the burst: the other duties are due.
    held_up: bool,
    /// The earliest time of the next try to read committed offsets, after one that failed.
    next_rewind: Instant,
    errors: LogRate,
    left_out: LogRate,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(engine: &'a Arc<Engine>, consumer: &'a Consumer) -> Self {
        Self {
            engine,
            consumer,
            open: None,
            open_topic: 0,
            last_offset: -1,
            limit: BATCH_MESSAGES,
            usual_bytes: 4096,
            paused: Vec::new(),
            held_up: false,
            next_rewind: Instant::now(),
            errors: LogRate::new(Duration::from_secs(5)),
            left_out: LogRate::new(Duration::from_secs(10)),
        }
    }

    /// Polls until a stop is requested, or the consumer has failed permanently.
    pub(crate) fn run(&mut self) -> Result<(), ConsumerError> {
        while !self.engine.stop.is_asked() {
            self.engine.health.heartbeat();
            self.burst()?;
            self.resume();
            self.rewind();
            self.begin_histories();
            self.engine.slots.look();
        }
        Ok(())
    }

    fn burst(&mut self) -> Result<(), ConsumerError> {
        self.held_up = false;
        let mut wait = if self.is_nothing_to_resume() {
            IDLE_POLL.min(self.engine.settings.commit_interval)
        } else {
            PAUSED_POLL
        };
        for _ in 0..BURST {
            match self.consumer.poll(wait) {
                Polled::Message(message) => self.take(&message),
                Polled::Nothing => break,
                Polled::Refused(refusal) => self.engine.refused(refusal),
                Polled::Failed(error) => self.complain(error),
                Polled::Fatal(error) => return Err(error),
            }
            if self.held_up {
                break;
            }
            wait = Duration::ZERO;
        }
        self.hand_out();
        Ok(())
    }

    fn take(&mut self, message: &Fetched<'_>) {
        // A rebalance ends the burst and with it the open batch, so the address of the topic stays valid.
        let topic = message.topic_address();
        let belongs = self.open.as_ref().is_some_and(|open| {
            self.open_topic == topic
                && open.partition().name.partition() == message.partition()
                && self.last_offset < message.offset()
        });
        if !belongs {
            self.hand_out();
            let Some(partition) = self.engine.partition(message.topic(), message.partition())
            else {
                // The partition was revoked while the message was in flight; its new owner gets it.
                return;
            };
            if !self.goes_on(&partition, message) {
                return;
            }
            let bytes = self.usual_bytes.min(BATCH_BYTES);
            let (share, _) = self.engine.share(&partition);
            self.limit = share.min(BATCH_MESSAGES);
            self.open_topic = topic;
            self.open = Some(BatchBuilder::new(partition, self.limit, bytes));
        }
        let Some(open) = &mut self.open else { return };
        open.push(
            message.offset(),
            message.timestamp(),
            message.key(),
            message.payload(),
        );
        self.last_offset = message.offset();
        let left_out = message.for_each_header(|name, value| open.push_header(name, value));
        if left_out > 0 {
            note_left_out(&self.left_out, message, left_out);
        }
        if open.messages() >= self.limit || open.bytes() >= BATCH_BYTES {
            self.hand_out();
        }
    }

    fn hand_out(&mut self) {
        let Some(open) = self.open.take() else { return };
        let partition = Arc::clone(open.partition());
        if !partition.is_active() {
            return;
        }
        self.usual_bytes = open.bytes();
        if let Some((offset, fingerprint)) = open.last() {
            partition.note_last(offset, fingerprint);
        }
        let ordering = self.engine.settings.ordering;
        let open = open.fetched_at(self.engine.clock.now());
        self.engine.scheduler.add(cut(open, ordering));
        let (messages, bytes) = self.engine.share(&partition);
        let is_full = {
            let tracker = partition.tracker();
            tracker.held() >= messages || tracker.held_bytes() >= bytes
        };
        if is_full {
            self.held_up = true;
            self.engine.scheduler.hand_out(&partition);
            // There is no room before one of its messages is due.
            let patience = match partition.is_waiting(self.engine.clock.now()) {
                true => Duration::ZERO,
                false => PATIENCE,
            };
            if !partition.wait_for_room(messages / 2, bytes / 2, patience) {
                self.pause(partition);
            }
        }
    }

    /// Reads the messages of a lost transaction again, from the committed offsets.
    fn rewind(&mut self) {
        let engine = self.engine;
        let now = Instant::now();
        if now < self.next_rewind || !engine.rewinding.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut partitions = engine.to_rewind();
        let all = partitions.len();
        // A handler may still have one of the old messages, and its successor must not run at the same time.
        // The other partitions do not wait for that.
        partitions.retain(|partition| {
            let partition = std::slice::from_ref(partition);
            engine.scheduler.wait_until_settled(partition, now) == 0
        });
        let result = match partitions.is_empty() {
            false => self.consumer.rewind(&partitions),
            true => Ok(true),
        };
        match result {
            Ok(true) => {
                engine.renew(&partitions);
                if partitions.len() == all {
                    return;
                }
            }
            Ok(false) => {}
            Err(error) => {
                self.next_rewind = now + REWIND_PAUSE;
                self.complain(error);
            }
        }
        engine.ask_to_rewind();
    }

    /// Returns `true` if `message`, the first of a batch, is to be handed out. Begins a new history if its
    /// partition has one.
    fn goes_on(&self, partition: &Partition, message: &Fetched<'_>) -> bool {
        let offset = message.offset();
        match partition.place(offset, || fingerprint(message)) {
            Place::Next | Place::Again => return true,
            // The message is in flight, or was handled.
            Place::Repeated => return false,
            Place::NewHistory => {}
        }
        if !partition.is_active() {
            return true;
        }
        // With `earliest`, all of a new history is read. With `latest`, librdkafka has skipped the messages
        // that were written before it noticed.
        let is_at_start = self.engine.settings.reads_from_start || partition.was_cut_off();
        if is_at_start {
            self.begin_history(partition, Start::Supposed(offset));
            partition.place(offset, || fingerprint(message));
            return true;
        }
        match self.consumer.seek_to_start(&partition.name) {
            Ok(()) => {
                // The topic was created a moment ago and begins at offset 0.
                self.begin_history(partition, Start::Supposed(0));
                false
            }
            Err(error) => {
                self.complain(error);
                self.begin_history(partition, Start::Supposed(offset));
                partition.place(offset, || fingerprint(message));
                true
            }
        }
    }

    /// Reads partitions with a new history from their start, even if none of its messages was fetched.
    fn begin_histories(&mut self) {
        let engine = self.engine;
        let now = Instant::now();
        if now < self.next_rewind || !engine.outlived.swap(false, Ordering::AcqRel) {
            return;
        }
        for partition in engine.partitions() {
            let Some(start) = partition.outlived_by() else {
                continue;
            };
            let is_cut_off = partition.was_cut_off() && !engine.settings.reads_from_start;
            let sought = match is_cut_off {
                // librdkafka continues after the remaining messages.
                true => Ok(()),
                false => self.consumer.seek_to_start(&partition.name),
            };
            match sought {
                Ok(()) if is_cut_off => self.begin_history(&partition, Start::Unknown),
                Ok(()) => self.begin_history(&partition, Start::Known(start)),
                Err(error) => {
                    self.next_rewind = now + REWIND_PAUSE;
                    engine.outlived.store(true, Ordering::Release);
                    self.complain(error);
                }
            }
        }
    }

    fn begin_history(&self, partition: &Partition, start: Start) {
        let before = partition.tracker().furthest();
        partition.begin_history(start);
        tracing::warn!(
            target: "rws_kafka",
            group = self.engine.group(),
            partition = %partition.name,
            read_before_up_to = before,
            "the partition has a new history: its topic was deleted and created again, or its \
             log was truncated; its messages are handled from the first one that was not read, \
             and their offsets are committed although they are lower"
        );
    }

    /// Returns `true` if no paused partition can have room within the time of a poll.
    fn is_nothing_to_resume(&self) -> bool {
        let mut paused = self.paused.iter();
        self.paused.is_empty() || {
            let soon = self.engine.clock.after(IDLE_POLL);
            paused.all(|partition| partition.is_active() && partition.is_waiting(soon))
        }
    }

    fn pause(&mut self, partition: Arc<Partition>) {
        if self.paused.iter().any(|paused| paused.id == partition.id) {
            return;
        }
        match self.consumer.pause(&partition.name) {
            Ok(()) => {
                partition.set_full(true);
                // A batch that is being gathered must not wait for messages that are not fetched.
                self.engine.scheduler.hand_out(&partition);
                self.paused.push(partition);
            }
            Err(error) => self.complain(error),
        }
    }

    /// Resumes the paused partitions that hold at most half of their share.
    fn resume(&mut self) {
        if self.paused.is_empty() {
            return;
        }
        let consumer = self.consumer;
        let mut failed = None;
        let mut paused = std::mem::take(&mut self.paused);
        paused.retain(|partition| {
            if !partition.is_active() {
                return false;
            }
            let (messages, bytes) = self.engine.share(partition);
            let tracker = partition.tracker();
            let is_low = tracker.held() <= messages / 2 && tracker.held_bytes() <= bytes / 2;
            drop(tracker);
            if !is_low {
                return true;
            }
            match consumer.resume(&partition.name) {
                Ok(()) => {
                    partition.set_full(false);
                    false
                }
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        });
        self.paused = paused;
        if let Some(error) = failed {
            self.complain(error);
        }
    }

    /// Logs an error from which librdkafka recovers by itself.
    fn complain(&self, error: ConsumerError) {
        if let Some(held_back) = self.errors.admit() {
            tracing::warn!(target: "rws_kafka", group = self.engine.group(), held_back = non_zero(held_back), "{}", with_causes(&error));
        }
        self.engine.note_error(error);
    }
}

fn fingerprint(message: &Fetched<'_>) -> u64 {
    history::fingerprint(message.timestamp(), message.key(), message.payload())
}

fn note_left_out(rate: &LogRate, message: &Fetched<'_>, left_out: usize) {
    if let Some(held_back) = rate.admit() {
        tracing::warn!(
            target: "rws_kafka",
            topic = message.topic(),
            partition = message.partition(),
            offset = message.offset(),
            left_out,
            held_back = non_zero(held_back),
            "headers whose names are not UTF-8 are left out"
        );
    }
}
