//! Handlers that take batches.

use super::consumer::KafkaConsumer;
use super::exactly_once::ExactlyOnceConsumer;
use crate::engine::Handler;
use crate::error::ConsumerError;
use crate::handle::ConsumerHandle;
use crate::handler::error::HandlerResult;
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;
use std::time::Duration;

impl KafkaConsumer {
    /// As [`start`](Self::start), for a handler that takes several messages at a time: consecutive
    /// ones of one partition. [`MessageBatch`] says what becomes of them.
    ///
    /// A batch is handed out when it has [`batch_max_messages`](Self::batch_max_messages) or
    /// [`batch_max_bytes`](Self::batch_max_bytes), when its oldest message has waited for
    /// [`batch_max_wait`](Self::batch_max_wait), or when the partition's share of
    /// [`max_in_flight`](crate::ConsumerConfig::max_in_flight) is used up. A revoke or a stop waits
    /// for the batches that handlers have; what was gathered and not handed out comes again, here or
    /// elsewhere. Metrics count messages, and of durations one for each call of the handler.
    ///
    /// An `Ok` alone commits nothing: the handler calls [`MessageBatch::commit`] or
    /// [`commit_up_to`](MessageBatch::commit_up_to), or the consumer has
    /// [`commit_on_ok`](Self::commit_on_ok).
    ///
    /// Needs [`Ordering::Partition`](crate::Ordering::Partition).
    ///
    /// ```no_run
    /// # fn insert(rows: &[Option<&[u8]>]) -> Result<(), std::io::Error> { Ok(()) }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let handle = KafkaConsumer::from_env()?
    ///     .subscribe(["page.views"])?
    ///     .start_batch(|batch| {
    ///         let rows: Vec<_> = batch.iter().map(|msg| msg.payload()).collect();
    ///         insert(&rows)?;
    ///         batch.commit()
    ///     });
    /// handle.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_batch<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
    {
        self.begin(without_outputs(handler), None)
    }

    /// As [`start_batch`](Self::start_batch), for those who want to know at once whether it could
    /// start.
    ///
    /// # Errors
    ///
    /// As [`try_start`](Self::try_start), among them [`ConsumerError::Setting`] for a bound of 0, for
    /// a wait that readiness would take for a standstill, and for an
    /// [`ordering`](Self::ordering) other than by partition.
    pub fn try_start_batch<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
    {
        self.try_begin(without_outputs(handler), None)
    }

    /// Messages of a batch at the most. Default 500; at least 1.
    pub fn batch_max_messages(mut self, messages: usize) -> Self {
        self.batch.max_messages = Some(messages);
        self
    }

    /// Bytes of keys, payloads and headers of a batch at the most; a message that is larger is a
    /// batch by itself. Default 1 MiB; at least 1.
    pub fn batch_max_bytes(mut self, bytes: usize) -> Self {
        self.batch.max_bytes = Some(bytes);
        self
    }

    /// How long a message waits for others to come, at the most. Default 50 ms. With 0 the handler
    /// is given what is there. Less than the `readyz_lag_timeout` of the settings, by which a worker
    /// that has messages and commits none counts as stalled.
    pub fn batch_max_wait(mut self, wait: Duration) -> Self {
        self.batch.max_wait = Some(wait);
        self
    }
}

impl ExactlyOnceConsumer {
    /// As [`start`](Self::start), for a handler that takes batches as
    /// [`KafkaConsumer::start_batch`] gives them.
    ///
    /// What it sends for a batch is published in the transaction that commits the offsets of the
    /// batch's messages, in one piece. An `Err` throws all of it away, and so does a message that
    /// [fails](MessageBatch::fail) and is to come again. With
    /// [`retry_topics`](KafkaConsumer::retry_topics) none is put off while an earlier one of its
    /// batch is to come again.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let handle = KafkaConsumer::from_env()?
    ///     .subscribe(["page.views"])?
    ///     .exactly_once("view-counter-0")
    ///     .start_batch(|batch, out| {
    ///         out.send_keyed("page.view.counts", "all", batch.len().to_string())?;
    ///         Ok(())
    ///     });
    /// handle.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_batch<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        let (consumer, transactional) = self.parts();
        consumer.begin(Handler::Batches(Box::new(handler)), Some(transactional))
    }

    /// As [`start_batch`](Self::start_batch), for those who want to know at once whether it could
    /// start.
    ///
    /// # Errors
    ///
    /// As [`try_start`](Self::try_start) and [`KafkaConsumer::try_start_batch`].
    pub fn try_start_batch<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        let (consumer, transactional) = self.parts();
        consumer.try_begin(Handler::Batches(Box::new(handler)), Some(transactional))
    }
}

fn without_outputs<F>(handler: F) -> Handler
where
    F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
{
    Handler::Batches(Box::new(move |batch, _| handler(batch)))
}
