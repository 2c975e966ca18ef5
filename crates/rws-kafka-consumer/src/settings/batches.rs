//! Starting workers whose handlers take batches.

use super::consumer::KafkaConsumer;
use super::exactly_once::ExactlyOnceConsumer;
use crate::engine::Handler;
use crate::error::ConsumerError;
use crate::handle::ConsumerHandle;
use crate::handler::error::HandlerResult;
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;
use std::time::Duration;

/// # Handling batches
impl KafkaConsumer {
    /// Starts the worker as [`start`](Self::start) does, with a handler that takes several consecutive
    /// messages of one partition at a time. [`MessageBatch`] describes how its messages succeed and fail.
    ///
    /// The worker hands out a batch when one of these is true:
    ///
    /// - It has [`batch_max_messages`](Self::batch_max_messages) or
    ///   [`batch_max_bytes`](Self::batch_max_bytes).
    /// - Its oldest message has waited for [`batch_max_wait`](Self::batch_max_wait).
    /// - The partition has used up its share of [`max_in_flight`](crate::ConsumerConfig::max_in_flight).
    ///
    /// A revoke or a stop waits for the batches in flight. Messages that were gathered but not handed out are
    /// delivered again, to this worker or another one. Metrics count messages; durations are recorded once
    /// for each call of the handler.
    ///
    /// An `Ok` alone commits nothing: the handler calls [`MessageBatch::commit`] or
    /// [`commit_up_to`](MessageBatch::commit_up_to), or the consumer has
    /// [`commit_on_ok`](Self::commit_on_ok).
    ///
    /// Requires [`Ordering::Partition`](crate::Ordering::Partition).
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

    /// Starts the worker as [`start_batch`](Self::start_batch) does, and returns an error if it cannot start.
    ///
    /// # Errors
    ///
    /// The errors of [`try_start`](Self::try_start). [`ConsumerError::Setting`] also if a maximum is 0, if
    /// [`batch_max_wait`](Self::batch_max_wait) is not less than `readyz_lag_timeout`, or if the
    /// [`ordering`](Self::ordering) is not [`Ordering::Partition`](crate::Ordering::Partition).
    pub fn try_start_batch<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
    {
        self.try_begin(without_outputs(handler), None)
    }
}

/// # The size of a batch
impl KafkaConsumer {
    /// Sets the maximum number of messages in a batch. Default 500; at least 1.
    pub fn batch_max_messages(mut self, messages: usize) -> Self {
        self.batch.max_messages = Some(messages);
        self
    }

    /// Sets the maximum size of a batch in bytes of keys, payloads and headers. Default 1 MiB; at least 1.
    ///
    /// A message that is larger than this is a batch of its own.
    pub fn batch_max_bytes(mut self, bytes: usize) -> Self {
        self.batch.max_bytes = Some(bytes);
        self
    }

    /// Sets how long a message waits for more messages of its batch. Default 50 ms. With 0 the handler gets
    /// the messages that are there.
    ///
    /// It must be less than the setting `readyz_lag_timeout`: a worker that has messages and commits none for
    /// that long is reported as stalled.
    pub fn batch_max_wait(mut self, wait: Duration) -> Self {
        self.batch.max_wait = Some(wait);
        self
    }
}

impl ExactlyOnceConsumer {
    /// Starts the worker as [`start`](Self::start) does, with a handler that takes batches.
    /// [`KafkaConsumer::start_batch`] describes when a batch is handed out.
    ///
    /// The outputs of a batch and the offsets of its messages are committed together in one transaction. If
    /// the handler returns an `Err`, all outputs of the batch are discarded. They are also discarded if a
    /// message [failed](MessageBatch::fail) and is to be retried.
    ///
    /// With [`retry_topics`](KafkaConsumer::retry_topics), no message is delayed while an earlier one of its
    /// batch is still to be retried.
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

    /// Starts the worker as [`start_batch`](Self::start_batch) does, and returns an error if it cannot start.
    ///
    /// # Errors
    ///
    /// The errors of [`try_start`](Self::try_start) and [`KafkaConsumer::try_start_batch`].
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
