//! Workers that read, write and commit in one transaction.

use super::consumer::KafkaConsumer;
use crate::engine::Handler;
use crate::error::ConsumerError;
use crate::handle::ConsumerHandle;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerResult;
use crate::handler::outputs::Outputs;
use rws_kafka_producer::ProducerConfig;
#[cfg(feature = "registry")]
use rws_kafka_schema::registry::SchemaRegistry;

/// The default of `ExactlyOnceConsumer::max_messages`.
const MAX_MESSAGES: usize = 100_000;

/// librdkafka's default of `message.max.bytes`.
const MOST_OUTPUT_BYTES: usize = 1_000_000;

/// An exactly-once consumer that is not started yet: Kafka commits the messages that its handlers send and
/// the offsets of the messages that they handled in one transaction.
///
/// ```no_run
/// use rws_kafka_consumer::KafkaConsumer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let handle = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .exactly_once("invoicing-0")
///     .start(|msg, out| {
///         let invoice = format!("invoice of {}", msg.payload_str()?);
///         out.send_keyed("invoices", msg.key().unwrap_or_default(), invoice)?;
///         Ok(())
///     });
/// handle.join().into_result()?;
/// # Ok(())
/// # }
/// ```
///
/// - A message is handled when its handler returns `Ok`. The handler commits nothing itself:
///   [`commit`](ConsumerContext::commit) and [`commit_on_ok`](KafkaConsumer::commit_on_ok) change nothing.
/// - A handler may run more than once for a message, after an error of its own or of the transaction. Only
///   the messages that it sends through [`Outputs`] take effect exactly once.
/// - Consumers of the outputs must read committed messages only (`isolation.level=read_committed`). That is
///   the default here and in librdkafka, but not in Java's consumer.
/// - When a handler fails, its outputs are discarded, and the message is retried as
///   [`on_failure`](KafkaConsumer::on_failure) says. Other partitions continue. A dead letter, or a message
///   that moves to a [retry topic](KafkaConsumer::retry_topics), is published in the transaction that commits
///   its offset.
/// - One transaction contains the messages of all partitions. It is committed every
///   [`commit_interval`](crate::ConsumerConfig::commit_interval) (default 100 ms) or after
///   [`max_messages`](Self::max_messages), whichever is earlier. Outputs become readable that much later.
///   Handlers keep running during a commit; one that returns `Ok` then waits for the next transaction to
///   begin.
/// - If a transaction cannot be committed, it is aborted, and the worker reads its partitions again from
///   their committed offsets.
/// - The worker stops permanently if another producer uses the same transactional id
///   ([`ConsumerError::Fenced`]), or if the broker permanently refuses an output
///   ([`ConsumerError::OutputRefused`]).
///
/// Source: [KIP-98] and [KIP-447].
///
/// [KIP-98]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging
/// [KIP-447]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-447%3A+Producer+scalability+for+exactly+once+semantics
#[derive(Clone, Debug)]
#[must_use = "a consumer does nothing until it is started"]
pub struct ExactlyOnceConsumer {
    pub(crate) consumer: KafkaConsumer,
    pub(crate) transactional_id: String,
    producer: Option<ProducerConfig>,
    #[cfg(feature = "registry")]
    output_registry: Option<SchemaRegistry>,
    pub(crate) max_messages: usize,
}

/// # Exactly once
impl KafkaConsumer {
    /// Makes this an exactly-once consumer: the outputs and the offsets of its handlers are committed in one
    /// transaction; see [`ExactlyOnceConsumer`].
    ///
    /// `transactional_id` identifies this instance of the service, for example a pod of a StatefulSet. Two
    /// instances that run at the same time must not share one. Keep it across restarts: the new process then
    /// ends the transaction that the old one left open, and does not have to wait until it times out.
    pub fn exactly_once(self, transactional_id: impl Into<String>) -> ExactlyOnceConsumer {
        ExactlyOnceConsumer {
            consumer: self,
            transactional_id: transactional_id.into(),
            producer: None,
            #[cfg(feature = "registry")]
            output_registry: None,
            max_messages: MAX_MESSAGES,
        }
    }
}

impl ExactlyOnceConsumer {
    /// Sets the settings of the producer, such as its
    /// [`transaction_timeout`](ProducerConfig::transaction_timeout). Default: those of the consumer's layers.
    ///
    /// The producer must connect to the brokers of the consumer.
    pub fn producer(mut self, config: impl Into<ProducerConfig>) -> Self {
        self.producer = Some(config.into());
        self
    }

    /// Sets the schema registry for the Avro, Protobuf and JSON Schema messages that handlers send. Default:
    /// the registry of [`KafkaConsumer::with_registry`].
    #[cfg(feature = "registry")]
    pub fn output_registry(mut self, registry: SchemaRegistry) -> Self {
        self.output_registry = Some(registry);
        self
    }

    /// Sets the approximate number of messages after which the transaction is committed, even if the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval) has not elapsed. Default 100,000; at least
    /// 1.
    pub fn max_messages(mut self, messages: usize) -> Self {
        self.max_messages = messages;
        self
    }

    /// Starts the worker on threads of its own and returns at once, as [`KafkaConsumer::start`] does.
    pub fn start<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        let (consumer, transactional) = self.parts();
        consumer.begin(Handler::Each(Box::new(handler)), Some(transactional))
    }

    /// Starts the worker as [`start`](Self::start) does, and returns an error if it cannot start.
    ///
    /// # Errors
    ///
    /// - The errors of [`KafkaConsumer::try_start`].
    /// - [`ConsumerError::Setting`] also for a setting that exactly-once excludes, such as an ordering other
    ///   than [`Ordering::Partition`](crate::Ordering::Partition).
    /// - [`ConsumerError::TransactionalProducer`] if the producer cannot be created.
    pub fn try_start<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        let (consumer, transactional) = self.parts();
        consumer.try_begin(Handler::Each(Box::new(handler)), Some(transactional))
    }

    pub(crate) fn parts(self) -> (KafkaConsumer, Transactional) {
        let config = &self.consumer.config;
        let mut producer = self.producer.unwrap_or_else(|| config.producer());
        // A message of any size that was read can be published again: only the limit of the target topic
        // applies.
        let has_letters =
            self.consumer.dead_letter_queue.is_some() || self.consumer.has_retry_topics();
        let mut most_output_bytes = usize::MAX;
        if has_letters && !producer.names("message.max.bytes") {
            producer = producer.property("message.max.bytes", "1000000000");
            // Handlers keep the limit that they have without dead letters.
            most_output_bytes = MOST_OUTPUT_BYTES;
        }
        let transactional = Transactional {
            id: self.transactional_id,
            producer: config.connected(producer),
            #[cfg(feature = "registry")]
            registry: self
                .output_registry
                .or_else(|| self.consumer.registry.clone()),
            max_messages: self.max_messages,
            most_output_bytes,
        };
        (self.consumer, transactional)
    }
}

/// The settings of a worker's transactions.
#[derive(Clone, Debug)]
pub(crate) struct Transactional {
    pub(crate) id: String,
    pub(crate) producer: ProducerConfig,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<SchemaRegistry>,
    pub(crate) max_messages: usize,
    pub(crate) most_output_bytes: usize,
}
