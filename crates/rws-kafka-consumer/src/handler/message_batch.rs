//! What a handler of batches is given.

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

/// Consecutive messages of one partition in a handler's hand, in their order; one at least.
///
/// What becomes of them:
///
/// - The handler returns `Ok`: those that it did not [`fail`](Self::fail) are handled.
/// - It returns `Err`, or panics: those that it did not settle before have failed, and come again as
///   a batch after the [`retry_backoff`](crate::KafkaConsumer::retry_backoff). When that has been
///   done as often as [`max_retries`](crate::KafkaConsumer::max_retries) says, or the error is
///   permanent, they come one by one, each as a batch of one: only what fails alone is given up.
/// - [`fail`](Self::fail) settles one message, and [`commit_up_to`](Self::commit_up_to) all up to
///   one.
///
/// The next batch of the partition begins when all of these are handled, passed over, or
/// acknowledged as dead letters. Other partitions go on.
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
///                 // This one alone goes to the dead letter queue.
///                 Err(error) => batch.fail(msg, error),
///             }
///         }
///         // Its error brings all the others back.
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
    /// Messages of the lane's that are not settled and not among these.
    behind: usize,
    commit: AtomicBool,
    marks: Mutex<Marks>,
}

/// What a handler said of single messages.
#[derive(Default)]
pub(crate) struct Marks {
    /// Those before this index are handled, but for those that have failed.
    pub(crate) handled: usize,
    pub(crate) failed: BTreeMap<usize, HandlerError>,
}

impl Marks {
    /// How many messages are handled already.
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

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none, which does not happen.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The topic that they were read from: the retry topic's name for a batch from one of the
    /// [`retry_topics`](crate::KafkaConsumer::retry_topics).
    /// [`ConsumerContext::original_topic`] names the one that a message came from first.
    pub fn topic(&self) -> &str {
        self.partition.name.topic()
    }

    /// The partition that they came from.
    pub fn partition(&self) -> i32 {
        self.partition.name.partition()
    }

    /// The group that they were consumed for.
    pub fn group(&self) -> &str {
        self.worker.group()
    }

    /// The messages by offset, the oldest first.
    pub fn iter(&self) -> slice::Iter<'_, ConsumerContext> {
        self.messages.iter()
    }

    /// The message at `index`; `None` where there are no more than that.
    pub fn get(&self, index: usize) -> Option<&ConsumerContext> {
        self.messages.get(index)
    }

    /// How often one of them has been handed to the handler, this time included: 1 at first, and
    /// of several that differ the highest. [`ConsumerContext::attempt`] tells it of each.
    pub fn attempt(&self) -> u32 {
        let attempts = self.messages.iter().map(ConsumerContext::attempt);
        attempts.max().unwrap_or(1)
    }

    /// Asks for the commit of all of them, as [`ConsumerContext::commit`] does for one.
    ///
    /// Takes effect when the handler returns `Ok`, for those that have not failed; an `Err` cancels
    /// it. The offset never passes one that has failed. Without it the offset does not move, unless
    /// the consumer has [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok).
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] when the partition has gone to another consumer, which will
    /// get them again.
    pub fn commit(&self) -> HandlerResult {
        self.worker.check_owned(&self.partition)?;
        self.commit.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says that `message` and all before it are handled, whatever comes of the rest: the handler's
    /// error, or panic, brings only those after it again. What has [failed](Self::fail) before
    /// stays so.
    ///
    /// Their commit is asked for with it: the broker is told within the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval), while the handler goes on.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`], and [`ConsumerError::ExactlyOnce`] in an exactly-once
    /// worker, where a batch's outputs and offsets are committed together. Nothing is changed then.
    ///
    /// # Panics
    ///
    /// When the message is not of this batch.
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
        self.partition
            .finish_all(handled.map(|index| self.messages[index].finish(true)));
        let left = self.len() - marks.count();
        drop(marks);
        self.worker.holds(self.strand, self.behind + left);
        Ok(())
    }

    /// Says that `message` has failed, and no other with it: it is handled again, or given up, by
    /// the count of its own failures. The first error of a message counts; one that is handled
    /// [already](Self::commit_up_to) stays so.
    ///
    /// In an exactly-once worker a batch comes to its end as a whole: when one message is to be handled
    /// again, what the handler sent is thrown away, and all come again with it, the others without a
    /// failure counted. Once each that failed is given up, put off or passed over, what the handler sent
    /// is published, so send nothing for those. Of a message that was handed out alone nothing is: it
    /// has failed with all that was sent.
    ///
    /// # Panics
    ///
    /// When the message is not of this batch.
    pub fn fail(&self, message: impl BatchIndex, error: impl Into<HandlerError>) {
        let index = self.index_of(&message);
        let mut marks = self.marks.lock();
        if index >= marks.handled {
            marks.failed.entry(index).or_insert_with(|| error.into());
        }
    }

    /// Whether the commit of all was asked for; what was said of single ones; the messages.
    pub(crate) fn into_parts(self) -> (bool, Marks, Vec<ConsumerContext>) {
        let marks = self.marks.into_inner();
        (self.commit.into_inner(), marks, self.messages)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn topic_partition(&self) -> crate::TopicPartition {
        self.partition.name.clone()
    }

    /// What became of each message by now, where that is said; for a log.
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

/// Tells a message of a [`MessageBatch`]: its index, or a reference to it.
pub trait BatchIndex: sealed::Sealed {}

impl BatchIndex for usize {}
impl BatchIndex for &ConsumerContext {}

mod sealed {
    use crate::handler::context::ConsumerContext;

    pub trait Sealed {
        /// Its index in `messages`, or past their end where it is none of them.
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
