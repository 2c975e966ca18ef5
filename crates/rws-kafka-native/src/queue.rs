use crate::handle::{Handle, destroy};
use crate::message::{Kind, Message};
use crate::wake::Wake;
use rdkafka::bindings::rd_kafka_message_t;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use std::fmt;

/// Separates the queue of a partition from the consumer's queue, for as long as the client lives, and
/// discards what it holds of an earlier assignment.
///
/// To be called in the rebalance callback, before the partition is assigned, for otherwise its first messages
/// may arrive in the consumer's queue. Returns `None` if the topic's name contains a NUL byte. The result
/// keeps the separation until the partition is assigned; drop it then.
pub fn detach<'a, C: ConsumerContext>(
    consumer: &'a BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<impl Drop + use<'a, C>> {
    let queue = Handle::of_partition(consumer, topic, partition)?;
    queue.unforward();
    queue.drain();
    Some(queue)
}

/// The queue of one assigned partition.
///
/// Its messages stay in librdkafka's memory until they are [passed](Self::advance). While they are not read,
/// librdkafka stops fetching the partition, as `queued.max.messages.kbytes` says.
pub struct PartitionQueue<'a> {
    // Before the handle, whose queue it belongs to.
    _wake: Wake<'a>,
    queue: Handle<'a>,
    /// The messages that were read, and how many of them were passed.
    messages: Vec<*mut rd_kafka_message_t>,
    passed: usize,
}

impl<'a> PartitionQueue<'a> {
    /// Opens the queue of a partition that was [detached](detach) and assigned. Returns `None` if the topic's
    /// name contains a NUL byte.
    ///
    /// `wake` is called when an empty queue gets messages, on a thread of librdkafka which holds a lock
    /// meanwhile: it must be quick and must not call librdkafka. A panic in it aborts the process. At most
    /// one open queue of a partition is woken.
    pub fn open<C: ConsumerContext>(
        consumer: &'a BaseConsumer<C>,
        topic: &str,
        partition: i32,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let handle = || Handle::of_partition(consumer, topic, partition);
        let queue = handle()?;
        Some(Self {
            _wake: Wake::new(handle()?, wake),
            queue,
            messages: Vec::new(),
            passed: 0,
        })
    }

    /// Returns the number of messages that were read and not passed.
    pub fn unread(&self) -> usize {
        self.messages.len() - self.passed
    }

    /// Reads up to `most` messages if there are no unread ones. Does not wait. Returns `true` if the queue was
    /// found empty, so that the next message wakes. A new queue may not be empty, even without messages.
    pub fn read(&mut self, most: usize) -> bool {
        if self.unread() > 0 {
            return false;
        }
        self.clear();
        self.queue.take(&mut self.messages, most);
        self.messages.len() < most && self.queue.len() == 0
    }

    /// Returns the first message that was read and not passed.
    pub fn first(&self) -> Option<Message<'_>> {
        let message = self.messages.get(self.passed)?;
        // SAFETY: `take` returned the pointer, and the message is destroyed only after it was passed, for
        // which the borrow of `self` must have ended.
        Some(unsafe { Message::new(*message, Kind::Fetched) })
    }

    /// Passes the first message, which is destroyed.
    pub fn advance(&mut self) {
        if let Some(message) = self.messages.get(self.passed) {
            self.passed += 1;
            destroy(*message);
        }
    }

    /// Discards the messages that were read and not passed, for example after a seek.
    pub fn clear(&mut self) {
        while self.unread() > 0 {
            self.advance();
        }
        self.messages.clear();
        self.passed = 0;
    }
}

/// Discards what is in the queue: nobody would read it before the partition is assigned again.
impl Drop for PartitionQueue<'_> {
    fn drop(&mut self) {
        self.clear();
        self.queue.drain();
    }
}

impl fmt::Debug for PartitionQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionQueue")
            .field("unread", &self.unread())
            .finish_non_exhaustive()
    }
}

/// The consumer's queue, which [`BaseConsumer::poll`] reads.
pub struct MainQueue<'a> {
    // Before the handle, whose queue it belongs to.
    _wake: Wake<'a>,
    queue: Handle<'a>,
}

impl<'a> MainQueue<'a> {
    /// Opens the queue of `consumer`. `wake` is called as that of a [`PartitionQueue`]. Returns `None` if the
    /// consumer belongs to no group.
    pub fn open<C: ConsumerContext>(
        consumer: &'a BaseConsumer<C>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let queue = Handle::of_consumer(consumer)?;
        Some(Self {
            _wake: Wake::new(Handle::of_consumer(consumer)?, wake),
            queue,
        })
    }

    /// Returns `true` if there is nothing to poll.
    pub fn is_empty(&self) -> bool {
        self.queue.len() == 0
    }
}

impl fmt::Debug for MainQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainQueue")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}
