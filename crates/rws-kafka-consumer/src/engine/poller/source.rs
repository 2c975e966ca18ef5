//! Reading one partition.

use super::Poller;
use super::histories::Begins;
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::partition::{BatchBuilder, Partition};
use crate::transport::{Consumer, FetchQueue, Fetched};
use rws_kafka_dispatch::cut;
use rws_kafka_observe::{LogRate, non_zero};
use std::sync::Arc;

/// A batch is handed out when it has this many messages…
const BATCH_MESSAGES: usize = 256;
/// …or this many bytes, or when librdkafka has no further message in memory.
const BATCH_BYTES: usize = 256 * 1024;
/// The size of a message before the first one is seen, in bytes.
const USUAL_BYTES: usize = 4096;

/// An assigned partition and its queue.
pub(super) struct Source<'a> {
    pub(super) partition: Arc<Partition>,
    pub(super) queue: FetchQueue<'a>,
    /// The number of messages and bytes that the partition may hold.
    pub(super) share: (usize, usize),
    /// The size of a message in the last batch, in bytes.
    usual_bytes: usize,
}

impl<'a> Source<'a> {
    pub(super) fn open(
        engine: &Engine,
        consumer: &'a Consumer,
        partition: Arc<Partition>,
    ) -> Result<Self, ConsumerError> {
        Ok(Self {
            queue: FetchQueue::open(consumer, &partition.name, &engine.bell)?,
            share: engine.share(&partition),
            partition,
            usual_bytes: USUAL_BYTES,
        })
    }

    /// Discards what was read and not handed out, because librdkafka continues elsewhere.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.partition.set_unread(false);
    }

    /// How many messages to read for a batch of `messages` and `bytes`. Those that are too many for it stay
    /// in memory although librdkafka fetches further ones.
    fn needs(&self, messages: usize, bytes: usize) -> usize {
        messages.min(bytes / self.usual_bytes + 1)
    }
}

impl Poller<'_> {
    /// Hands out one batch of the partition, if it has messages and room. Returns `true` if it has.
    pub(super) fn read_from(&self, source: &mut Source<'_>) -> Result<bool, ConsumerError> {
        if !source.queue.is_ready() || !source.partition.is_active() {
            return Ok(false);
        }
        let Some((messages, bytes)) = self.engine.room(&source.partition, source.share) else {
            return Ok(false);
        };
        let (messages, bytes) = (messages.min(BATCH_MESSAGES), bytes.min(BATCH_BYTES));
        let needed = source.needs(messages, bytes);
        source.queue.read(needed);
        let result = self.take(source, messages, bytes);
        source.partition.set_unread(source.queue.unread() > 0);
        result
    }

    fn take(
        &self,
        source: &mut Source<'_>,
        messages: usize,
        bytes: usize,
    ) -> Result<bool, ConsumerError> {
        let Source {
            partition,
            queue,
            share,
            usual_bytes,
        } = source;
        let mut open: Option<BatchBuilder> = None;
        let mut last_offset = -1;
        let mut has_read = false;
        while let Some(first) = queue.first() {
            has_read = true;
            let message = match first {
                Ok(message) => message,
                Err(said) => {
                    queue.pass();
                    self.heed(said)?;
                    continue;
                }
            };
            if open.is_none() || message.offset() <= last_offset {
                self.hand_out(open.take(), *share, usual_bytes);
                match self.begins(partition, &message) {
                    Begins::Here => {}
                    Begins::Later => {
                        queue.pass();
                        continue;
                    }
                    Begins::Elsewhere => {
                        queue.clear();
                        break;
                    }
                }
            }
            let open_or_new = open.get_or_insert_with(|| {
                let messages = messages.min(queue.unread());
                let bytes = bytes.min(*usual_bytes * messages);
                BatchBuilder::new(Arc::clone(partition), messages, bytes)
            });
            self.push(open_or_new, &message);
            last_offset = message.offset();
            let is_complete = open_or_new.messages() >= messages || open_or_new.bytes() >= bytes;
            queue.pass();
            if is_complete {
                break;
            }
        }
        self.hand_out(open, *share, usual_bytes);
        Ok(has_read)
    }

    fn push(&self, open: &mut BatchBuilder, message: &Fetched<'_>) {
        open.push(
            message.offset(),
            message.timestamp(),
            message.key(),
            message.payload(),
        );
        let left_out = message.for_each_header(|name, value| open.push_header(name, value));
        if left_out > 0 {
            note_left_out(&self.left_out, open.partition(), message.offset(), left_out);
        }
    }

    fn hand_out(&self, open: Option<BatchBuilder>, share: (usize, usize), usual_bytes: &mut usize) {
        // The messages of a lost transaction are read again.
        let Some(open) = open.filter(|open| open.partition().is_active()) else {
            return;
        };
        *usual_bytes = (open.bytes() / open.messages().max(1)).max(1);
        let partition = Arc::clone(open.partition());
        if let Some((offset, fingerprint)) = open.last() {
            partition.note_last(offset, fingerprint);
        }
        let ordering = self.engine.settings.ordering;
        let open = open.fetched_at(self.engine.clock.now());
        self.engine.scheduler.add(cut(open, ordering));
        self.engine.room(&partition, share);
    }
}

fn note_left_out(rate: &LogRate, partition: &Partition, offset: i64, left_out: usize) {
    if let Some(held_back) = rate.admit() {
        tracing::warn!(
            target: "rws_kafka",
            topic = partition.name.topic(),
            partition = partition.name.partition(),
            offset,
            left_out,
            held_back = non_zero(held_back),
            "headers whose names are not UTF-8 are left out"
        );
    }
}
