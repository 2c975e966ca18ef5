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

/// A message in a handler's hand.
///
/// It may be kept and moved to other threads; its commit can then still be asked for as long as
/// the partition is assigned.
pub struct ConsumerContext {
    worker: Arc<dyn Acknowledge>,
    batch: Arc<Batch>,
    index: u32,
    failures: u32,
    trace: Option<TraceContext>,
}

impl ConsumerContext {
    pub(crate) fn new(
        worker: Arc<dyn Acknowledge>,
        batch: &Arc<Batch>,
        index: u32,
        failures: u32,
        trace: Option<TraceContext>,
    ) -> Self {
        Self {
            worker,
            batch: Arc::clone(batch),
            index,
            failures,
            trace,
        }
    }

    /// The topic it was read from.
    ///
    /// With [`retry_topics`](crate::KafkaConsumer::retry_topics) this is the retry topic's name for a
    /// message that was moved there: code that decides by the topic what to do, such as a `match`,
    /// uses [`original_topic`](Self::original_topic).
    pub fn topic(&self) -> &str {
        self.partition_state().name.topic()
    }

    /// The partition it was read from.
    pub fn partition(&self) -> i32 {
        self.partition_state().name.partition()
    }

    /// Its offset in the partition.
    pub fn offset(&self) -> i64 {
        self.batch.offset(self.index)
    }

    /// Its key; `None` when it has none, which is not the same as an empty key.
    pub fn key(&self) -> Option<&[u8]> {
        self.batch.key(self.index)
    }

    /// Its payload; `None` for a tombstone, which is not the same as an empty payload.
    pub fn payload(&self) -> Option<&[u8]> {
        self.batch.payload(self.index)
    }

    /// Its payload as text.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] for a tombstone and for what is not UTF-8. No retry helps against it, so
    /// that a [`HandlerError`](crate::HandlerError) made of it is permanent.
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

    /// Its headers in their order; a name may come twice. Of a message from a
    /// [retry topic](crate::KafkaConsumer::retry_topics) those of that follow its own.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&[u8]>)> {
        self.batch.headers(self.index)
    }

    /// The value of the last header of this name; the inner `None` is a null value.
    pub fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        self.headers()
            .rev()
            .find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Its timestamp in milliseconds since 1970, when it has one; of a message from a
    /// [retry topic](crate::KafkaConsumer::retry_topics) the one that it came with first.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.origin().timestamp.map(|timestamp| timestamp.ms())
    }

    /// Its timestamp, when it has one that is not before 1970.
    pub fn timestamp(&self) -> Option<SystemTime> {
        let ms = u64::try_from(self.timestamp_ms()?).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(ms))
    }

    /// The group it was consumed for.
    pub fn group(&self) -> &str {
        self.worker.group()
    }

    /// The topic it came from first: another one than [`topic`](Self::topic) for a message from a
    /// [retry topic](crate::KafkaConsumer::retry_topics).
    ///
    /// With [`original_partition`](Self::original_partition) and
    /// [`original_offset`](Self::original_offset) it names the message, however often it is put off.
    pub fn original_topic(&self) -> &str {
        self.origin().topic
    }

    /// The partition it came from first.
    pub fn original_partition(&self) -> i32 {
        self.origin().partition
    }

    /// The offset that it had there.
    pub fn original_offset(&self) -> i64 {
        self.origin().offset
    }

    /// How often it has been handed to the handler, in all topics, this time included: 1 at first.
    pub fn attempt(&self) -> u32 {
        self.failures + 1
    }

    /// The trace that its handling belongs to: that of its headers `traceparent` and `tracestate`, or,
    /// where OpenTelemetry records the handling, that of this attempt's span.
    ///
    /// It is current while the handler runs; another thread that goes on with the message
    /// [enters](TraceContext::enter) it.
    pub fn trace_context(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Asks for the commit of its offset, and with it of all before it in the partition.
    ///
    /// Without it the offset does not move, and the next run handles the message again: a handler
    /// that returns `Ok` has not committed anything by that, unless the consumer has
    /// [`commit_on_ok`](crate::KafkaConsumer::commit_on_ok).
    ///
    /// Takes effect when the handler returns `Ok`, and when every message before it is finished;
    /// an `Err` cancels it. The broker is told within the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval). Needs no network: a crash
    /// before the broker was told means that the message comes again.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`] when the partition has gone to another consumer, which
    /// will get the message again; none in an exactly-once worker, where it changes nothing.
    pub fn commit(&self) -> HandlerResult {
        if self.worker.carries_outputs() {
            // Its offset goes with what the handler sends.
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

    /// Commits its offset, and with it all before it in the partition, and waits until the broker
    /// has it.
    ///
    /// The message counts as finished from here on: a handler that fails afterwards gets it again,
    /// but a crash then does not bring it back. Takes a network round trip:
    /// [`commit`](Self::commit) is right for most, and under
    /// [`Ordering::Key`](crate::Ordering::Key) and [`None`](crate::Ordering::None) for all: there,
    /// messages before this one may have to wait for this lane.
    /// In a handler of batches [`commit_up_to`](crate::MessageBatch::commit_up_to) is: the messages
    /// before it in the batch are unfinished.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::PartitionLost`]; [`ConsumerError::Unfinished`] while a message before it is,
    /// in which case nothing is changed (a handler that returns it is run again, and never given
    /// up); [`ConsumerError::CommitRefused`], and
    /// [`ConsumerError::CommitTimedOut`] after the
    /// [`drain_timeout`](crate::ConsumerConfig::drain_timeout);
    /// [`ConsumerError::ExactlyOnce`] in an exactly-once worker.
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

    /// Its handler is done with it: its sequence number, and whether its commit was asked for, by
    /// `commit` or before.
    pub(crate) fn finish(&self, commit: bool) -> (u64, bool) {
        let marked = self.batch.finish(self.index);
        (self.batch.sequence(self.index), commit || marked)
    }

    pub(crate) fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Whether it is the same message of the same assignment.
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
