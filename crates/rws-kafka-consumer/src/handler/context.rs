use super::acknowledge::Acknowledge;
use super::error::HandlerResult;
use super::payload::PayloadError;
use crate::error::ConsumerError;
use crate::partition::{Batch, Partition};
use crate::retry::Origin;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::trace::TraceContext;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A message, as a handler receives it.
///
/// A handler may keep the context or move it to another thread. The message can be committed for as long as
/// its partition stays assigned to this worker.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
///
/// let handle = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .start(|msg: ConsumerContext| {
///         println!("{} {}: {}", msg.topic(), msg.offset(), msg.payload_str()?);
///         msg.commit()
///     });
/// handle.join().into_result()?;
/// # Ok(())
/// # }
/// ```
pub struct ConsumerContext {
    worker: Arc<dyn Acknowledge>,
    batch: Arc<Batch>,
    index: u32,
    failures: u32,
    trace: Option<Arc<TraceContext>>,
}

impl ConsumerContext {
    pub(crate) fn new(
        worker: Arc<dyn Acknowledge>,
        batch: &Arc<Batch>,
        index: u32,
        failures: u32,
        trace: Option<Arc<TraceContext>>,
    ) -> Self {
        Self {
            worker,
            batch: Arc::clone(batch),
            index,
            failures,
            trace,
        }
    }

    /// Returns the topic that the message was read from.
    ///
    /// With [`retry_topics`](crate::KafkaConsumer::retry_topics), a message that was moved to a retry topic
    /// returns the name of that retry topic. Code that depends on the topic, such as a `match`, should use
    /// [`original_topic`](Self::original_topic).
    pub fn topic(&self) -> &str {
        self.partition_state().name.topic()
    }

    /// Returns the partition that the message was read from.
    pub fn partition(&self) -> i32 {
        self.partition_state().name.partition()
    }

    /// Returns the offset of the message in its partition.
    pub fn offset(&self) -> i64 {
        self.batch.offset(self.index)
    }

    /// Returns the key; `None` if the message has no key, which is not the same as an empty key.
    pub fn key(&self) -> Option<&[u8]> {
        self.batch.key(self.index)
    }

    /// Returns the payload; `None` for a tombstone, which is not the same as an empty payload.
    pub fn payload(&self) -> Option<&[u8]> {
        self.batch.payload(self.index)
    }

    /// Returns the payload as text.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] for a tombstone and for invalid UTF-8. A [`HandlerError`](crate::HandlerError) made
    /// from it is permanent: the message is not retried.
    pub fn payload_str(&self) -> Result<&str, PayloadError> {
        let payload = self.payload().ok_or_else(|| PayloadError::Tombstone {
            partition: self.topic_partition(),
            offset: self.offset(),
        })?;
        std::str::from_utf8(payload).map_err(|error| PayloadError::NotUtf8 {
            partition: self.topic_partition(),
            offset: self.offset(),
            position: error.valid_up_to(),
        })
    }

    /// Returns the headers in their order. A name may occur several times.
    ///
    /// For a message read from a [retry topic](crate::KafkaConsumer::retry_topics), the retry headers follow
    /// the original ones.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&[u8]>)> {
        self.batch.headers(self.index)
    }

    /// Returns the value of the last header with this name; `Some(None)` if that value is null.
    pub fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        self.headers()
            .rev()
            .find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Returns the timestamp in milliseconds since 1970; `None` if the message has none.
    ///
    /// For a message read from a [retry topic](crate::KafkaConsumer::retry_topics), this is the timestamp of
    /// the original message.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.origin().timestamp.map(|timestamp| timestamp.ms())
    }

    /// Returns the timestamp; `None` if the message has none or it is before 1970.
    pub fn timestamp(&self) -> Option<SystemTime> {
        let ms = u64::try_from(self.timestamp_ms()?).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(ms))
    }

    /// Returns the consumer group.
    pub fn group(&self) -> &str {
        self.worker.group()
    }

    /// Returns the topic that the message was first published to. It differs from [`topic`](Self::topic) for
    /// a message read from a [retry topic](crate::KafkaConsumer::retry_topics).
    ///
    /// Together with [`original_partition`](Self::original_partition) and
    /// [`original_offset`](Self::original_offset) it identifies the message, however often it was delayed.
    pub fn original_topic(&self) -> &str {
        self.origin().topic
    }

    /// Returns the partition that the message was first published to.
    pub fn original_partition(&self) -> i32 {
        self.origin().partition
    }

    /// Returns the offset of the message in its [original partition](Self::original_partition).
    pub fn original_offset(&self) -> i64 {
        self.origin().offset
    }

    /// Returns the number of this attempt: 1 the first time the message is handled, over all topics.
    pub fn attempt(&self) -> u32 {
        self.failures + 1
    }

    /// Returns the trace that the handling of this message belongs to.
    ///
    /// That is the trace of the headers `traceparent` and `tracestate`. If OpenTelemetry records the
    /// handling, it is the trace of this attempt's span.
    ///
    /// The trace is current while the handler runs. Another thread that continues with the message must
    /// [enter](TraceContext::enter) it.
    pub fn trace_context(&self) -> Option<&TraceContext> {
        self.trace.as_deref()
    }

    /// Asks for the commit of this message's offset, and of all messages before it in the partition.
    ///
    /// A handler that returns `Ok` without calling `commit` commits nothing: the offset does not move, and
    /// the next run handles the message again. [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok) changes
    /// that.
    ///
    /// The commit takes effect once the handler has returned `Ok` and every message before this one is
    /// finished. An `Err` cancels it. The worker sends it to the broker within the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval). The call itself uses no network. If the
    /// process crashes before the broker has the commit, the message is delivered again.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] if the partition belongs to another consumer, which will receive the
    /// message again. In an exactly-once worker the call changes nothing and returns no error.
    pub fn commit(&self) -> HandlerResult {
        if self.worker.carries_outputs() {
            // The transaction commits the offset together with the outputs.
            return Ok(());
        }
        self.still_ours()?;
        if self.batch.mark(self.index) {
            self.partition_state().tracker().mark(
                self.batch.sequence(self.index),
                self.batch.offset(self.index),
            );
            self.worker.asked_for_commit();
        }
        Ok(())
    }

    /// Commits this message's offset, and all messages before it in the partition, and blocks until the
    /// broker has confirmed it.
    ///
    /// The message is finished from then on. If the handler returns an error afterwards, the message is
    /// retried; if the process crashes afterwards, it is not delivered again.
    ///
    /// The call takes a network round trip: most handlers should use [`commit`](Self::commit). Handlers under
    /// [`Ordering::Key`](crate::Ordering::Key) and [`Ordering::None`](crate::Ordering::None) always should,
    /// because messages before this one may be waiting for this lane. Handlers of batches should use
    /// [`commit_up_to`](crate::MessageBatch::commit_up_to), because the messages before this one in the batch
    /// are unfinished.
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::PartitionLost`] if the partition belongs to another consumer.
    /// - [`ConsumerError::Unfinished`] if a message before this one is unfinished. Nothing is changed then. A
    ///   handler that returns this error is run again; the message is never dead-lettered for it.
    /// - [`ConsumerError::CommitRefused`] if the broker refuses the commit.
    /// - [`ConsumerError::CommitTimedOut`] if the broker has not confirmed it within the
    ///   [`drain_timeout`](crate::ConsumerConfig::drain_timeout).
    /// - [`ConsumerError::ExactlyOnce`] in an exactly-once worker.
    pub fn commit_sync(&self) -> HandlerResult {
        self.still_ours()?;
        if self.worker.carries_outputs() {
            return Err(ConsumerError::ExactlyOnce {
                call: "commit_sync",
            }
            .into());
        }
        let partition = self.partition_state();
        let sequence = self.batch.sequence(self.index);
        if !partition.tracker().is_next(sequence) {
            return Err(ConsumerError::Unfinished {
                partition: partition.name.clone(),
            }
            .into());
        }
        self.batch.mark(self.index);
        partition.finish(sequence, true);
        partition.tracker().mark(sequence, self.offset());
        self.worker.asked_for_commit();
        self.worker
            .commit_through(partition, sequence, self.offset())?;
        Ok(())
    }

    /// Marks the message as finished. Returns `true` if its commit was asked for, by `commit` or before.
    pub(crate) fn finish(&self, commit: bool) -> bool {
        self.batch.finish(self.index, commit)
    }

    pub(crate) fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Returns `true` if `other` is the same message of the same assignment.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.batch, &other.batch)
    }

    /// The consumer's schema registry.
    #[cfg(feature = "registry")]
    pub(crate) fn registry(&self) -> Option<&rws_kafka_schema::registry::SchemaRegistry> {
        self.worker.registry()
    }

    pub(crate) fn topic_partition(&self) -> TopicPartition {
        self.partition_state().name.clone()
    }

    fn origin(&self) -> Origin<'_> {
        let partition = self.partition_state();
        let topic = partition.name.topic();
        let here = Origin {
            topic,
            partition: partition.name.partition(),
            offset: self.offset(),
            timestamp: self.batch.timestamp(self.index),
            attempts: 0,
        };
        match self.worker.rung(topic).filter(|rung| rung.is_retry()) {
            Some(rung) => here.read(&rung.origin, rung.level, self.batch.headers(self.index)),
            None => here,
        }
    }

    fn still_ours(&self) -> Result<(), ConsumerError> {
        self.worker.check_owned(self.partition_state())
    }

    fn partition_state(&self) -> &Arc<Partition> {
        self.batch.partition()
    }
}

impl fmt::Debug for ConsumerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerContext")
            .field("partition", &self.partition_state().name)
            .field("offset", &self.offset())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
