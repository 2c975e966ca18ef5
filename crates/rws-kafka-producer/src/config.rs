use crate::client::Connect;
use crate::delivery::{DeliveryReport, OnDelivery};
use crate::error::ProducerError;
use crate::transport::Librdkafka;
use rws_kafka_config::{KafkaConfig, Properties};
use rws_kafka_observe::Observer;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a batch of messages is compressed on the wire and on the broker's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (feature `libz`).
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// zstd (feature `zstd`).
    Zstd,
}

impl Compression {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// The settings of a [`KafkaProducer`](crate::KafkaProducer).
///
/// What is not set here comes from `[kafka.properties]`, else from the defaults named at each
/// setter.
///
/// ```
/// use rws_kafka_producer::{Compression, ProducerConfig};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ProducerConfig::new("localhost:9092")?
///     .compression(Compression::Lz4)
///     .max_block(Duration::from_secs(1))
///     .on_delivery(|report| {
///         if let Err(error) = report.result {
///             eprintln!("{}: {error}", report.topic);
///         }
///     });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a configuration does nothing until a producer is made of it"]
pub struct ProducerConfig {
    pub(crate) kafka: KafkaConfig,
    pub(crate) explicit: Vec<(String, String)>,
    pub(crate) max_block: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) fail_fast: bool,
    pub(crate) on_delivery: Option<OnDelivery>,
    pub(crate) observer: Observer,
    pub(crate) transaction_timeout: Duration,
    /// Set where the producer is a transactional one.
    pub(crate) transactional_id: Option<String>,
    /// Makes the producer's clients.
    pub(crate) connect: Arc<dyn Connect>,
}

/// What differs from librdkafka's own defaults, and why.
const DEFAULTS: [(&str, &str); 8] = [
    // No duplicate by a retry, no acknowledged message lost with a broker.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // The partitioner of Java clients; librdkafka's own is CRC32.
    ("partitioner", "murmur2_random"),
    // Messages queue up behind the request on the wire and form batches by themselves; a linger
    // would be waited out by every `send_sync`.
    ("linger.ms", "0"),
    // librdkafka's 1 GiB outgrows a pod before it pushes back.
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "120000"),
    // They tell how long brokers take to answer, and how much they throttle.
    ("statistics.interval.ms", "5000"),
];

impl ProducerConfig {
    /// The settings of all layers: defaults, `rws.config.toml`, `RWS_CONFIG_KAFKA_*`, `--kafka-…`.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`] lists every setting that is wrong.
    pub fn from_env() -> Result<Self, ProducerError> {
        Ok(KafkaConfig::from_env()?.into())
    }

    /// Settings in code, for a comma list of brokers (`host:port`).
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`] when the list is not one.
    pub fn new(brokers: impl Into<String>) -> Result<Self, ProducerError> {
        Ok(KafkaConfig::builder().brokers(brokers).build()?.into())
    }

    /// How long a message waits for others to share its batch. Default 0: batches form behind the
    /// request on the wire, and `send_sync` waits for nobody.
    pub fn linger(self, linger: Duration) -> Self {
        self.property("linger.ms", linger.as_millis().to_string())
    }

    /// Default: [`Compression::None`].
    pub fn compression(self, compression: Compression) -> Self {
        self.property("compression.type", compression.as_str())
    }

    /// How long a message may wait for its acknowledgement, retries included, before it fails with
    /// [`ProducerError::TimedOut`]. Default 120 s; at least 1 ms.
    pub fn delivery_timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.max(Duration::from_millis(1));
        self.property("message.timeout.ms", timeout.as_millis().to_string())
    }

    /// How long `send` waits for room in a full queue before [`ProducerError::QueueFull`].
    /// Default 5 s.
    pub fn max_block(mut self, max_block: Duration) -> Self {
        self.max_block = max_block;
        self
    }

    /// Whether a send fails at once while the brokers are known to be down. Default `false`: the
    /// message is queued, and delivered if a broker comes back within the
    /// [`delivery_timeout`](Self::delivery_timeout).
    ///
    /// With `true`, `send`, `send_sync` and `send_async` return
    /// [`ProducerError::Unreachable`] with its cause, and accept nothing, from the moment that all
    /// connections are lost or a probe finds no broker until a broker answers again, which the
    /// producer notices within about a second. Use it where a request must not wait for a timeout that is
    /// sure to come. Messages accepted before keep waiting for their acknowledgement.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Bounds the queue in messages. Default 100,000.
    pub fn queue_messages(self, messages: usize) -> Self {
        self.property("queue.buffering.max.messages", messages.to_string())
    }

    /// Bounds the queue in KiB of keys and payloads. Default 65,536 (64 MiB).
    pub fn queue_kbytes(self, kbytes: usize) -> Self {
        self.property("queue.buffering.max.kbytes", kbytes.to_string())
    }

    /// Largest message in bytes, key included. Default 1,000,000.
    ///
    /// Messages share batches of up to this size, and a broker holds the whole batch against the
    /// topic's `max.message.bytes` (1,048,588 by default). For a topic with less, lower this, or
    /// `batch.size` by [`property`](Self::property): librdkafka does not split a batch.
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        self.property("message.max.bytes", bytes.to_string())
    }

    /// How long a transaction may be open before the broker aborts it, and how long each of its
    /// steps may take. Default 10 s; from 1 s to the broker's `transaction.max.timeout.ms`
    /// (15 minutes). For [`KafkaProducer::transactional`](crate::KafkaProducer::transactional) only.
    ///
    /// When a process is killed, readers of what it wrote to, and whoever takes over its
    /// partitions, wait for the end of its transaction: until its successor with the same id
    /// begins, or this time is over (and up to 10 s more, the broker's
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`).
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.transaction_timeout = timeout;
        self
    }

    /// How long the drop of the last clone may flush. Default 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Called once for each message, on the producer's own thread, when it is acknowledged or has
    /// failed for good.
    ///
    /// It holds up the delivery of others while it runs, so it cannot wait for them: in it, `send`
    /// does not wait for room and `send_sync` is [`ProducerError::InCallback`]. A panic in it is
    /// caught and logged.
    pub fn on_delivery<F>(mut self, callback: F) -> Self
    where
        F: Fn(&DeliveryReport<'_>) + Send + Sync + 'static,
    {
        self.on_delivery = Some(Arc::new(callback));
        self
    }

    /// Where metrics and health go. Default: [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// For the consumer.
    #[doc(hidden)]
    pub fn get_transaction_timeout(&self) -> Duration {
        self.transaction_timeout
    }

    /// Whether a property has a value other than the default; for the consumer.
    #[doc(hidden)]
    pub fn names(&self, property: &str) -> bool {
        let mut explicit = self.explicit.iter();
        explicit.any(|(name, _)| name == property)
            || self.kafka.producer_properties().get(property).is_some()
    }

    /// Any librdkafka producer property; it goes before all other settings of it.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.explicit.push((name.into(), value.into()));
        self
    }

    /// Connects as a producer of `other` does; for the consumer.
    #[doc(hidden)]
    pub fn connects_like(mut self, other: &Self) -> Self {
        self.connect = Arc::clone(&other.connect);
        self
    }

    /// The librdkafka properties: those set here before those of the layers before the defaults.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Setting`] for what contradicts transactions, or their absence.
    pub(crate) fn properties(&self) -> Result<Properties, ProducerError> {
        let mut properties = self.kafka.producer_properties();
        for (name, value) in &self.explicit {
            properties.set(name, value);
        }
        match &self.transactional_id {
            Some(id) => transactions(&mut properties, id, self.transaction_timeout)?,
            None => refuse(
                properties.get("transactional.id").is_some(),
                "transactional.id",
                || "is set by a property; use KafkaProducer::transactional".to_owned(),
            )?,
        }
        for (name, value) in DEFAULTS {
            properties.set_default(name, value);
        }
        Ok(properties)
    }
}

/// Sets what makes a producer transactional.
fn transactions(
    properties: &mut Properties,
    id: &str,
    timeout: Duration,
) -> Result<(), ProducerError> {
    refuse(id.trim().is_empty(), "transactional.id", || {
        "is empty; give each running instance one of its own that it keeps over restarts, such as \
         the name of a StatefulSet's pod"
            .to_owned()
    })?;
    let found = |name: &str| properties.get(name).unwrap_or_default().to_owned();
    let other = properties.get("transactional.id");
    refuse(
        other.is_some_and(|other| other != id),
        "transactional.id",
        || format!("is set twice: to {id:?}, and by a property to another value"),
    )?;
    let idempotence = found("enable.idempotence");
    refuse(idempotence == "false", "enable.idempotence", || {
        "is off, but a transaction needs it: remove the property".to_owned()
    })?;
    let acks = found("acks");
    refuse(!matches!(acks.as_str(), "" | "all" | "-1"), "acks", || {
        format!("is {acks:?}, but a transaction needs \"all\": remove the property")
    })?;
    const LEAST: Duration = Duration::from_secs(1);
    refuse(
        timeout < LEAST || timeout.as_millis() > i32::MAX as u128,
        "transaction_timeout",
        || {
            format!(
                "is {timeout:?}; from 1 s to the broker's transaction.max.timeout.ms is allowed"
            )
        },
    )?;
    let ms = timeout.as_millis();
    for name in ["message.timeout.ms", "transaction.timeout.ms"] {
        let set: Option<u128> = properties.get(name).and_then(|ms| ms.parse().ok());
        let allowed = match name {
            "message.timeout.ms" => set.is_none_or(|set| set > 0 && set <= ms),
            _ => set.is_none_or(|set| set == ms),
        };
        refuse(!allowed, name, || {
            format!(
                "is {}, but transaction_timeout is {ms} ms: lower the one or raise the other",
                set.unwrap_or_default()
            )
        })?;
    }
    properties.set("transactional.id", id);
    properties.set("transaction.timeout.ms", ms.to_string());
    properties.set_default("message.timeout.ms", ms.to_string());
    // The broker asks for patience while it ends the transaction before, which takes milliseconds;
    // librdkafka's 100 ms are longer than a transaction.
    properties.set_default("retry.backoff.ms", "10");
    Ok(())
}

fn refuse(
    wrong: bool,
    setting: &'static str,
    problem: impl FnOnce() -> String,
) -> Result<(), ProducerError> {
    if !wrong {
        return Ok(());
    }
    let problem = problem();
    Err(ProducerError::Setting { setting, problem })
}

impl From<KafkaConfig> for ProducerConfig {
    fn from(kafka: KafkaConfig) -> Self {
        Self {
            kafka,
            explicit: Vec::new(),
            max_block: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            fail_fast: false,
            on_delivery: None,
            observer: Observer::global(),
            transaction_timeout: Duration::from_secs(10),
            transactional_id: None,
            connect: Arc::new(Librdkafka),
        }
    }
}

impl fmt::Debug for ProducerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerConfig")
            .field("kafka", &self.kafka)
            // Names only: a value may be a secret.
            .field(
                "explicit",
                &self.explicit.iter().map(|(n, _)| n).collect::<Vec<_>>(),
            )
            .field("max_block", &self.max_block)
            .field("fail_fast", &self.fail_fast)
            .field("close_timeout", &self.close_timeout)
            .field("on_delivery", &self.on_delivery.is_some())
            .field("transactional_id", &self.transactional_id)
            .field("transaction_timeout", &self.transaction_timeout)
            .finish_non_exhaustive()
    }
}
