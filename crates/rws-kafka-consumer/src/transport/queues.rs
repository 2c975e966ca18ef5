//! The queues in which librdkafka keeps what it has fetched.

use super::consumer::{Consumer, Polled};
use super::fetched::Fetched;
use super::lists::fetch_error;
use crate::error::ConsumerError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_dispatch::{Bell, TopicPartition};
use rws_kafka_native::{MainQueue, PartitionQueue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The queue of an assigned partition. A partition that is not read is not fetched any further.
pub(crate) struct FetchQueue<'a> {
    consumer: &'a Consumer,
    queue: PartitionQueue<'a>,
    /// Set when the queue may have messages.
    is_ready: Arc<AtomicBool>,
}

impl<'a> FetchQueue<'a> {
    /// Opens the queue of an assigned partition. It rings `bell` when it has messages.
    pub(crate) fn open(
        consumer: &'a Consumer,
        partition: &TopicPartition,
        bell: &Arc<Bell>,
    ) -> Result<Self, ConsumerError> {
        // What it has already does not ring.
        let is_ready = Arc::new(AtomicBool::new(true));
        let (ready, bell) = (Arc::clone(&is_ready), Arc::clone(bell));
        let wake = move || {
            ready.store(true, Ordering::Release);
            bell.ring();
        };
        let (topic, number) = (partition.topic(), partition.partition());
        let queue = PartitionQueue::open(&consumer.base, topic, number, wake);
        let queue = queue.ok_or_else(|| {
            let unknown = RDKafkaErrorCode::UnknownPartition;
            fetch_error([partition], &KafkaError::MessageConsumption(unknown))
        })?;
        Ok(Self {
            consumer,
            queue,
            is_ready,
        })
    }

    /// Returns `true` if there may be something to read.
    pub(crate) fn is_ready(&self) -> bool {
        self.unread() > 0 || self.is_ready.load(Ordering::Acquire)
    }

    /// Returns the number of messages that were read and not [passed](Self::pass).
    pub(crate) fn unread(&self) -> usize {
        self.queue.unread()
    }

    /// Reads up to `most` messages if there are no unread ones. Does not wait.
    pub(crate) fn read(&mut self, most: usize) {
        self.is_ready.store(false, Ordering::Release);
        if !self.queue.read(most) {
            self.is_ready.store(true, Ordering::Release);
        }
    }

    /// Returns the first message that was read and not passed, or what librdkafka has to say in its place.
    pub(crate) fn first(&self) -> Option<Result<Fetched<'_>, Polled>> {
        let message = self.queue.first()?;
        Some(match message.error() {
            None => Ok(Fetched::new(message)),
            Some(RDKafkaErrorCode::PartitionEOF) => Err(Polled::Nothing),
            Some(code) => Err(self.consumer.failed(&KafkaError::MessageConsumption(code))),
        })
    }

    /// Passes the first message.
    pub(crate) fn pass(&mut self) {
        self.queue.advance();
    }

    /// Discards what was read and not passed, because librdkafka continues elsewhere.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }
}

impl Consumer {
    /// Rings `bell` when there is something to [poll](Self::poll), until the result is dropped.
    pub(crate) fn listen(&self, bell: &Arc<Bell>) -> Result<MainQueue<'_>, ConsumerError> {
        let bell = Arc::clone(bell);
        let queue = MainQueue::open(&self.base, move || bell.ring());
        queue.ok_or_else(|| ConsumerError::Fatal {
            detail: "the client has no queue of a group".to_owned(),
        })
    }
}
