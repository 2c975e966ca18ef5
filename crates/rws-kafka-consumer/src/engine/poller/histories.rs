//! Reading again from elsewhere: from the committed offsets, or from the start of a new history.

use super::Poller;
use crate::partition::Partition;
use crate::transport::Fetched;
use rws_kafka_dispatch::Start;
use rws_kafka_dispatch::history::{self, Place};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The pause after committed offsets could not be read.
const REWIND_PAUSE: Duration = Duration::from_millis(200);

/// Where a batch begins.
pub(super) enum Begins {
    /// With this message.
    Here,
    /// With a later one: this one is in flight, or was handled.
    Later,
    /// librdkafka reads from the start of a new history.
    Elsewhere,
}

impl Poller<'_> {
    /// Returns whether `message` is to be handed out as the first of a batch. Begins a new history if its
    /// partition has one.
    pub(super) fn begins(&self, partition: &Partition, message: &Fetched<'_>) -> Begins {
        let offset = message.offset();
        match partition.place(offset, || fingerprint(message)) {
            Place::Next | Place::Again => return Begins::Here,
            Place::Repeated => return Begins::Later,
            Place::NewHistory => {}
        }
        if !partition.is_active() {
            return Begins::Here;
        }
        // With `earliest`, all of a new history is read. With `latest`, librdkafka has skipped the messages
        // that were written before it noticed.
        let is_at_start = self.engine.settings.reads_from_start || partition.was_cut_off();
        if !is_at_start {
            match self.consumer.seek_to_start(&partition.name) {
                Ok(()) => {
                    // The topic was created a moment ago and begins at offset 0.
                    self.begin_history(partition, Start::Supposed(0));
                    return Begins::Elsewhere;
                }
                Err(error) => self.complain(error),
            }
        }
        self.begin_history(partition, Start::Supposed(offset));
        partition.place(offset, || fingerprint(message));
        Begins::Here
    }

    /// Reads partitions with a new history from their start, even if none of its messages was fetched.
    pub(super) fn begin_histories(&mut self) {
        let engine = self.engine;
        let now = Instant::now();
        if now < self.next_rewind || !engine.outlived.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut sources = std::mem::take(&mut self.sources);
        for source in &mut sources {
            let partition = &source.partition;
            let Some(start) = partition.outlived_by() else {
                continue;
            };
            if partition.was_cut_off() && !engine.settings.reads_from_start {
                // librdkafka continues after the remaining messages.
                self.begin_history(partition, Start::Unknown);
                continue;
            }
            match self.consumer.seek_to_start(&partition.name) {
                Ok(()) => {
                    self.begin_history(partition, Start::Known(start));
                    source.clear();
                }
                Err(error) => {
                    self.next_rewind = now + REWIND_PAUSE;
                    engine.outlived.store(true, Ordering::Release);
                    self.complain(error);
                }
            }
        }
        self.sources = sources;
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

    /// Reads the messages of a lost transaction again, from the committed offsets.
    pub(super) fn rewind(&mut self) {
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
            true => Ok(()),
        };
        match result {
            Ok(()) => {
                engine.renew(&partitions);
                self.continue_with(&partitions);
                if partitions.len() == all {
                    return;
                }
            }
            Err(error) => {
                self.next_rewind = now + REWIND_PAUSE;
                self.complain(error);
            }
        }
        engine.ask_to_rewind();
    }

    /// Reads the successors of `partitions` from the same queues, which begin elsewhere now.
    fn continue_with(&mut self, partitions: &[Arc<Partition>]) {
        for source in &mut self.sources {
            let old = &source.partition;
            if partitions.iter().all(|partition| partition.id != old.id) {
                continue;
            }
            let name = &old.name;
            if let Some(successor) = self.engine.partition(name.topic(), name.partition()) {
                source.clear();
                source.partition = successor;
            }
        }
    }
}

fn fingerprint(message: &Fetched<'_>) -> u64 {
    history::fingerprint(message.timestamp(), message.key(), message.payload())
}
