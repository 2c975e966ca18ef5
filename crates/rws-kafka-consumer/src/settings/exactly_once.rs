//! Reading, writing and committing in one transaction.

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

/// The messages of a transaction, unless something else is set.
const MAX_MESSAGES: usize = 100_000;

/// librdkafka's `message.max.bytes` where nobody has set it.
const MOST_OUTPUT_BYTES: usize = 1_000_000;

/// A worker in the making that reads messages, writes others, and does both exactly once: what
/// handlers send and the offsets of their messages are committed in one Kafka transaction.
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
/// - A message is handled when its handler returns `Ok`: there is nothing to commit, and
///   [`commit`](ConsumerContext::commit) and [`commit_on_ok`](KafkaConsumer::commit_on_ok) change
///   nothing.
/// - A handler may run more than once for a message, after a failure of its own or of the
///   transaction: only what it sends through [`Outputs`] is done once. Readers must read
///   committed messages only (`isolation.level`), which is the default here, in librdkafka, and not
///   in Java's consumer.
/// - What a failing handler sent is thrown away, and the message handled again as
///   [`on_failure`](KafkaConsumer::on_failure) says, while other partitions go on. A dead letter is
///   published in the transaction that commits the offset, and so is a message that goes to a
///   [retry topic](KafkaConsumer::retry_topics).
/// - A transaction groups the messages of all partitions: it is committed every
///   [`commit_interval`](crate::ConsumerConfig::commit_interval) (default 100 ms) or after
///   [`max_messages`](Self::max_messages), whichever comes first, and holds no handler up meanwhile
///   but those that have just finished. Results are readable that much later.
/// - A transaction that cannot be committed is aborted, and the partitions that were in it are read
///   again from their committed offsets.
/// - Another worker with the same transactional id stops this one for good
///   ([`ConsumerError::Fenced`]), as does an output that the broker refuses for good
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

impl KafkaConsumer {
    /// Makes it a worker whose handlers' outputs and offsets are committed in one transaction; see
    /// [`ExactlyOnceConsumer`].
    ///
    /// `transactional_id` names this instance of the service, such as a StatefulSet's pod: no two
    /// that run at a time may have the same, and it should stay over restarts, so that the new
    /// process ends what the old one left open rather than wait for that to time out.
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
    /// The settings of the producer, its
    /// [`transaction_timeout`](ProducerConfig::transaction_timeout) among them. Default: those of the
    /// consumer's layers. Its brokers must be those of the consumer.
    pub fn producer(mut self, config: impl Into<ProducerConfig>) -> Self {
        self.producer = Some(config.into());
        self
    }

    /// The schema registry for what handlers send in Avro, Protobuf and JSON Schema. Default: the one
    /// that messages are read with, [`KafkaConsumer::with_registry`]'s.
    #[cfg(feature = "registry")]
    pub fn output_registry(mut self, registry: SchemaRegistry) -> Self {
        self.output_registry = Some(registry);
        self
    }

    /// After how many messages, at about, a transaction is committed, be it before the
    /// [`commit_interval`](crate::ConsumerConfig::commit_interval) is over. Default 100,000; at
    /// least 1.
    pub fn max_messages(mut self, messages: usize) -> Self {
        self.max_messages = messages;
        self
    }

    /// Starts the worker on threads of its own and returns at once; as
    /// [`KafkaConsumer::start`] in all else.
    pub fn start<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        let (consumer, transactional) = self.parts();
        consumer.begin(Handler::Each(Box::new(handler)), Some(transactional))
    }

    /// As [`start`](Self::start), for those who want to know at once whether it could start.
    ///
    /// # Errors
    ///
    /// As [`KafkaConsumer::try_start`], [`ConsumerError::Setting`] for what cannot be had with
    /// exactly-once, and [`ConsumerError::TransactionalProducer`].
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
        // A message that was read can be written as a dead letter, or to a retry topic: only that
        // topic's limit holds.
        let has_letters =
            self.consumer.dead_letter_queue.is_some() || self.consumer.has_retry_topics();
        let mut most_output_bytes = usize::MAX;
        if has_letters && !producer.names("message.max.bytes") {
            producer = producer.property("message.max.bytes", "1000000000");
            // What handlers send keeps the limit that it has without letters.
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

/// What a worker needs to be told of its transactions.
#[derive(Clone, Debug)]
pub(crate) struct Transactional {
    pub(crate) id: String,
    pub(crate) producer: ProducerConfig,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<SchemaRegistry>,
    pub(crate) max_messages: usize,
    pub(crate) most_output_bytes: usize,
}
