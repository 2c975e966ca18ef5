//! The batch of messages that a handler of batches receives.

use super::acknowledge::Acknowledge;
use super::context::ConsumerContext;
use super::error::{HandlerError, HandlerResult};
use crate::error::ConsumerError;
use crate::partition::Partition;
use parking_lot::Mutex;
use rws_kafka_dispatch::StrandId;
use std::collections::BTreeMap;
use std::fmt;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A non-empty batch of consecutive messages of one partition, in their order.
///
/// The result of the handler decides what happens to them:
///
/// - If it returns `Ok`, all messages are handled, except those that it [failed](Self::fail).
/// - If it returns `Err` or panics, all messages that it had not settled before have failed. They are retried
///   together as one batch after the [`retry_backoff`](crate::KafkaConsumer::retry_backoff). After
///   [`max_retries`](crate::KafkaConsumer::max_retries), or if the error is permanent, they are handled one
///   by one, each as a batch of one. Only a message that fails on its own is dead-lettered or skipped.
/// - [`fail`](Self::fail) settles one message before the handler returns, and
///   [`commit_up_to`](Self::commit_up_to) settles all messages up to one.
///
/// The next batch of the partition is handed out when all of these messages are handled, skipped, or
/// acknowledged as dead letters. Other partitions continue.
///
/// ```no_run
/// use rws_kafka_consumer::{HandlerError, KafkaConsumer};
///
/// # fn insert(rows: &[(i64, &str)]) -> Result<(), std::io::Error> { Ok(()) }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let handle = KafkaConsumer::from_env()?
///     .subscribe(["page.views"])?
///     .dead_letter_queue("page.views.dlq")
///     .batch_max_messages(1_000)
///     .start_batch(|batch| {
///         let mut rows = Vec::with_capacity(batch.len());
///         for msg in batch {
///             match msg.payload_str() {
///                 Ok(text) => rows.push((msg.offset(), text)),
///                 // Only this message goes to the dead letter queue.
///                 Err(error) => batch.fail(msg, error),
///             }
///         }
///         // An error here retries all the others.
///         insert(&rows)?;
///         batch.commit()
///     });
/// handle.join().into_result()?;
/// # Ok(())
/// # }
/// ```
pub struct MessageBatch {
    worker: Arc<dyn Acknowledge>,
    partition: Arc<Partition>,
    strand: StrandId,
    messages: Vec<ConsumerContext>,
    /// The unsettled messages of the lane that are not in this batch.
    behind: usize,
    commit: AtomicBool,
    marks: Mutex<Marks>,
}

/// The messages that a handler has settled before it returns.
#[derive(Default)]
pub(crate) struct Marks {
    /// The messages before this index are handled, except those in `failed`.
    pub(crate) handled: usize,
    pub(crate) failed: BTreeMap<usize, HandlerError>,
}

impl Marks {
    /// The number of handled messages.
    pub(crate) fn count(&self) -> usize {
        self.handled - self.failed.range(..self.handled).count()
    }
}

impl MessageBatch {
    pub(crate) fn new(
        worker: Arc<dyn Acknowledge>,
        partition: &Arc<Partition>,
        strand: StrandId,
        messages: Vec<ConsumerContext>,
        behind: usize,
    ) -> Self {
        Self {
            worker,
            partition: Arc::clone(partition),
            strand,
            messages,
            behind,
            commit: AtomicBool::new(false),
            marks: Mutex::default(),
        }
    }

    /// Returns the number of messages.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Always `false`: a batch has at least one message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns the topic that the messages were read from.
    ///
    /// For a batch read from one of the [`retry_topics`](crate::KafkaConsumer::retry_topics), this is the
    /// name of the retry topic. [`ConsumerContext::original_topic`] returns the topic that a message was
    /// first published to.
    pub fn topic(&self) -> &str {
        self.partition.name.topic()
    }

    /// Returns the partition that the messages were read from.
    pub fn partition(&self) -> i32 {
        self.partition.name.partition()
    }

    /// Returns the consumer group.
    pub fn group(&self) -> &str {
        self.worker.group()
    }

    /// Returns an iterator over the messages, in the order of their offsets.
    pub fn iter(&self) -> slice::Iter<'_, ConsumerContext> {
        self.messages.iter()
    }

    /// Returns the message at `index`, or `None` if the batch is shorter.
    pub fn get(&self, index: usize) -> Option<&ConsumerContext> {
        self.messages.get(index)
    }

    /// Returns the highest number of attempts of any message in the batch, including this one: 1 the first
    /// time. [`ConsumerContext::attempt`] returns the number for each message.
    pub fn attempt(&self) -> u32 {
        let attempts = self.messages.iter().map(ConsumerContext::attempt);
        attempts.max().unwrap_or(1)
    }

    /// Asks for the commit of all messages, as [`ConsumerContext::commit`] does for one.
    ///
    /// The commit takes effect when the handler returns `Ok`, for the messages that have not failed. An `Err`
    /// cancels it. The committed offset never passes a message that has failed.
    ///
    /// Without this call the offset does not move, unless the consumer has
    /// [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok).
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] if the partition belongs to another consumer, which will receive the
    /// messages again.
    pub fn commit(&self) -> HandlerResult {
        self.worker.check_owned(&self.partition)?;
        self.commit.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Marks `message` and all messages before it as handled, whatever the handler returns later. If it then
    /// returns an error or panics, only the messages after `message` are retried. A message that
    /// [failed](Self::fail) before stays failed.
    ///
    /// This also asks for their commit. The worker sends it to the broker within the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval), even while the handler is running.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let handle = KafkaConsumer::from_env()?
    ///     .subscribe(["page.views"])?
    ///     .start_batch(|batch| {
    ///         for (index, msg) in batch.iter().enumerate() {
    ///             println!("{}", msg.payload_str()?);
    ///             if index % 100 == 99 {
    ///                 // An error after this retries only the messages that follow.
    ///                 batch.commit_up_to(msg)?;
    ///             }
    ///         }
    ///         batch.commit()
    ///     });
    /// handle.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::PartitionLost`] if the partition belongs to another consumer.
    /// - [`ConsumerError::ExactlyOnce`] in an exactly-once worker, where the outputs and offsets of a batch
    ///   are committed together.
    ///
    /// Nothing is changed in either case.
    ///
    /// # Panics
    ///
    /// If the message is not in this batch.
    pub fn commit_up_to(&self, message: impl BatchIndex) -> HandlerResult {
        let index = self.index_of(&message);
        self.worker.check_owned(&self.partition)?;
        if self.worker.carries_outputs() {
            let call = "commit_up_to";
            return Err(ConsumerError::ExactlyOnce { call }.into());
        }
        let mut marks = self.marks.lock();
        let begin = marks.handled;
        marks.handled = begin.max(index + 1);
        let handled = (begin..marks.handled).filter(|index| !marks.failed.contains_key(index));
        handled.for_each(|index| {
            self.messages[index].finish(true);
        });
        self.partition.settle();
        let left = self.len() - marks.count();
        drop(marks);
        self.worker.holds(self.strand, self.behind + left);
        Ok(())
    }

    /// Marks `message` as failed, without failing the others. It is retried, and later dead-lettered or
    /// skipped, by its own number of failures.
    ///
    /// If it is called several times for a message, the first error counts. A message that was
    /// [committed](Self::commit_up_to) before stays handled.
    ///
    /// In an exactly-once worker a batch succeeds or fails as a whole. If one message is to be retried, the
    /// outputs of the handler are discarded and all messages are retried; the failure is counted only for
    /// those that failed. Once every failed message is dead-lettered, delayed or skipped, the outputs are
    /// published, so send nothing for those messages. If a message that was handed out alone fails, its
    /// outputs are discarded.
    ///
    /// # Panics
    ///
    /// If the message is not in this batch.
    pub fn fail(&self, message: impl BatchIndex, error: impl Into<HandlerError>) {
        let index = self.index_of(&message);
        let mut marks = self.marks.lock();
        if index >= marks.handled {
            marks.failed.entry(index).or_insert_with(|| error.into());
        }
    }

    /// `true` if the commit of all messages was asked for; the settled messages; all messages.
    pub(crate) fn into_parts(self) -> (bool, Marks, Vec<ConsumerContext>) {
        let marks = self.marks.into_inner();
        (self.commit.into_inner(), marks, self.messages)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn topic_partition(&self) -> crate::TopicPartition {
        self.partition.name.clone()
    }

    /// The result of each message that is settled so far; for a log.
    #[cfg(feature = "testing")]
    pub(crate) fn settled(&self) -> Vec<Option<Result<(), String>>> {
        let marks = self.marks.lock();
        let indices = 0..self.len();
        indices
            .map(|index| match marks.failed.get(&index) {
                Some(error) => Some(Err(error.to_string())),
                None => (index < marks.handled).then_some(Ok(())),
            })
            .collect()
    }

    #[track_caller]
    fn index_of(&self, message: &impl BatchIndex) -> usize {
        let index = message.index_in(&self.messages);
        assert!(
            index < self.len(),
            "the message is not one of the batch's {}",
            self.len()
        );
        index
    }
}

impl<'a> IntoIterator for &'a MessageBatch {
    type Item = &'a ConsumerContext;
    type IntoIter = slice::Iter<'a, ConsumerContext>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for MessageBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBatch")
            .field("partition", &self.partition.name)
            .field("len", &self.len())
            .field("first", &self.messages.first().map(ConsumerContext::offset))
            .field("last", &self.messages.last().map(ConsumerContext::offset))
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

/// Identifies a message in a [`MessageBatch`], by index or by reference.
pub trait BatchIndex: sealed::Sealed {}

impl BatchIndex for usize {}
impl BatchIndex for &ConsumerContext {}

mod sealed {
    use crate::handler::context::ConsumerContext;

    pub trait Sealed {
        /// The index in `messages`, or their number if it is not among them.
        fn index_in(&self, messages: &[ConsumerContext]) -> usize;
    }

    impl Sealed for usize {
        fn index_in(&self, _: &[ConsumerContext]) -> usize {
            *self
        }
    }

    impl Sealed for &ConsumerContext {
        fn index_in(&self, messages: &[ConsumerContext]) -> usize {
            let offset = self.offset();
            let found = messages.binary_search_by_key(&offset, ConsumerContext::offset);
            found
                .ok()
                .filter(|index| messages[*index].is_same(self))
                .unwrap_or(messages.len())
        }
    }
}
