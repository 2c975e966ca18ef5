//! How many messages are handled at a time, in which order, and when they are committed.

use super::consumer::KafkaConsumer;
use rws_kafka_dispatch::Ordering;

/// # Concurrency, order and commits
impl KafkaConsumer {
    /// Sets how many messages are handled at the same time, each on a thread of its own. Default 1; 1 to
    /// 4096.
    ///
    /// Messages that must keep their [`ordering`](Self::ordering) are still handled one after the other.
    pub fn concurrency(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets which messages keep their order. Default [`Ordering::Partition`].
    ///
    /// With every ordering, the committed offset never passes an unfinished message.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{KafkaConsumer, Ordering};
    ///
    /// // Up to 8 messages at the same time, but those with the same key in order.
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders"])?
    ///     .concurrency(8)
    ///     .ordering(Ordering::Key);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.ordering = ordering;
        self
    }

    /// Commits the offset of each message whose handler returns `Ok`, as if the handler had called
    /// [`commit`](crate::ConsumerContext::commit). By default, only a call of `commit` does.
    ///
    /// For a batch, it commits all messages that have not [failed](crate::MessageBatch::fail).
    ///
    /// Do not use it with handlers that pass messages to other threads or tasks: their `Ok` does not mean
    /// that the message is handled. It changes nothing in an [exactly-once](Self::exactly_once) worker, which
    /// commits every message whose handler returns `Ok`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
    ///
    /// let worker = KafkaConsumer::from_env()?
    ///     .subscribe(["orders.created"])?
    ///     .commit_on_ok()
    ///     .start(|msg: ConsumerContext| {
    ///         println!("{}", msg.payload_str()?);
    ///         Ok(())
    ///     });
    /// worker.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit_on_ok(mut self) -> Self {
        self.commit_on_ok = true;
        self
    }
}

/// # Typed messages
#[cfg(feature = "registry")]
impl KafkaConsumer {
    /// Sets the schema registry from which the worker reads the schemas of Avro, Protobuf and JSON Schema
    /// messages.
    pub fn with_registry(mut self, registry: rws_kafka_schema::registry::SchemaRegistry) -> Self {
        self.registry = Some(registry);
        self
    }
}
