use crate::client::Connect;
use crate::delivery::{DeliveryReport, OnDelivery};
use crate::error::ProducerError;
use crate::transport::Librdkafka;
use rws_kafka_config::{KafkaConfig, Properties};
use rws_kafka_observe::Observer;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The compression of message batches, on the wire and on the broker's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// No compression.
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
/// A setting that is not set here comes from `[kafka.properties]`, and otherwise has the default that its
/// setter names.
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
#[must_use = "a configuration does nothing until a producer is created from it"]
pub struct ProducerConfig {
    pub(crate) kafka: KafkaConfig,
    pub(crate) explicit: Vec<(String, String)>,
    pub(crate) max_block: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) fail_fast: bool,
    pub(crate) on_delivery: Option<OnDelivery>,
    pub(crate) observer: Observer,
    pub(crate) transaction_timeout: Duration,
    /// Set for a transactional producer only.
    pub(crate) transactional_id: Option<String>,
    /// Creates the producer's clients.
    pub(crate) connect: Arc<dyn Connect>,
}

/// Where our defaults differ from librdkafka's, and why.
const DEFAULTS: [(&str, &str); 8] = [
    // A retry causes no duplicate, and a broker's failure loses no acknowledged message.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // The partitioner of Java clients; librdkafka's default is CRC32.
    ("partitioner", "murmur2_random"),
    // Messages queue up behind the request on the wire and so form batches anyway, while every `send_sync`
    // would wait for a linger.
    ("linger.ms", "0"),
    // librdkafka's default of 1 GiB exceeds a pod's memory before `send` blocks.
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "120000"),
    // Statistics contain the brokers' response times and how much they throttle.
    ("statistics.interval.ms", "5000"),
];

impl ProducerConfig {
    /// Reads the settings of all layers: defaults, `rws.config.toml`, `RWS_CONFIG_KAFKA_*`, `--kafka-…`.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`], which lists every invalid setting.
    pub fn from_env() -> Result<Self, ProducerError> {
        Ok(KafkaConfig::from_env()?.into())
    }

    /// Creates settings for a comma-separated list of brokers (`host:port`), without reading any layer.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Config`] if the list is invalid.
    pub fn new(brokers: impl Into<String>) -> Result<Self, ProducerError> {
        Ok(KafkaConfig::builder().brokers(brokers).build()?.into())
    }

    /// Sets how long a message waits for others to share its batch. Default 0: batches form behind the
    /// request on the wire, and `send_sync` does not wait.
    pub fn linger(self, linger: Duration) -> Self {
        self.property("linger.ms", linger.as_millis().to_string())
    }

    /// Sets the compression of batches. Default: [`Compression::None`].
    pub fn compression(self, compression: Compression) -> Self {
        self.property("compression.type", compression.as_str())
    }

    /// Sets how long a message may wait for its acknowledgement, including retries, before it fails with
    /// [`ProducerError::TimedOut`]. Default 120 s; at least 1 ms.
    ///
    /// For a transactional producer the default is its [`transaction_timeout`](Self::transaction_timeout),
    /// which is also the maximum.
    pub fn delivery_timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.max(Duration::from_millis(1));
        self.property("message.timeout.ms", timeout.as_millis().to_string())
    }

    /// Sets how long `send` blocks when the queue is full before it returns [`ProducerError::QueueFull`].
    /// Default 5 s.
    pub fn max_block(mut self, max_block: Duration) -> Self {
        self.max_block = max_block;
        self
    }

    /// Sets whether a send fails at once while the brokers are known to be unreachable. Default `false`: the
    /// message is queued, and delivered if a broker is available again within the
    /// [`delivery_timeout`](Self::delivery_timeout).
    ///
    /// With `true`, `send`, `send_sync` and `send_async` return [`ProducerError::Unreachable`] with its cause
    /// and accept no message, from the moment that all connections are lost or a probe finds no broker. This
    /// ends when a broker answers again, which the producer notices within about a second. Use it where a
    /// request should fail at once instead of waiting for a timeout. Messages accepted earlier keep waiting
    /// for their acknowledgement.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Sets the maximum number of messages in the queue. Default 100,000.
    pub fn queue_messages(self, messages: usize) -> Self {
        self.property("queue.buffering.max.messages", messages.to_string())
    }

    /// Sets the maximum size of the queue, in KiB of keys and payloads. Default 65,536 (64 MiB).
    pub fn queue_kbytes(self, kbytes: usize) -> Self {
        self.property("queue.buffering.max.kbytes", kbytes.to_string())
    }

    /// Sets the size of the largest message, in bytes and including the key. Default 1,000,000.
    ///
    /// Messages share batches of up to this size, and a broker compares the whole batch with the topic's
    /// `max.message.bytes` (1,048,588 by default). For a topic with a smaller limit, lower this setting, or
    /// lower `batch.size` with [`property`](Self::property): librdkafka does not split a batch.
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        self.property("message.max.bytes", bytes.to_string())
    }

    /// Sets how long a transaction may be open before the broker aborts it, and how long each of its steps
    /// may take. Default 10 s; from 1 s to the broker's `transaction.max.timeout.ms` (15 minutes). Only for
    /// [`KafkaProducer::transactional`](crate::KafkaProducer::transactional).
    ///
    /// When a process is killed, consumers of the partitions that its transaction wrote to wait until the
    /// transaction ends, and so does the process that takes over its work. The transaction ends when the next
    /// producer with the same id begins one, or when this time has passed (plus up to 10 s, the broker's
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`).
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.transaction_timeout = timeout;
        self
    }

    /// Sets how long dropping the last clone may flush. Default 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Sets a callback that is called once for each message, when the message is acknowledged or has failed
    /// permanently.
    ///
    /// It runs on the producer's own thread, and no other delivery is reported while it runs. So it must not
    /// block: inside it, `send` does not wait for room in the queue, and `send_sync` returns
    /// [`ProducerError::InCallback`]. A panic in the callback is caught and logged.
    pub fn on_delivery<F>(mut self, callback: F) -> Self
    where
        F: Fn(&DeliveryReport<'_>) + Send + Sync + 'static,
    {
        self.on_delivery = Some(Arc::new(callback));
        self
    }

    /// Sets the observer that receives metrics and health. Default: [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// For the consumer.
    #[doc(hidden)]
    pub fn get_transaction_timeout(&self) -> Duration {
        self.transaction_timeout
    }

    /// Returns `true` if a property is set to a value other than the default; for the consumer.
    #[doc(hidden)]
    pub fn names(&self, property: &str) -> bool {
        let mut explicit = self.explicit.iter();
        explicit.any(|(name, _)| name == property)
            || self.kafka.producer_properties().get(property).is_some()
    }

    /// Sets any librdkafka producer property. It overrides every other setting of that property.
    ///
    /// ```
    /// use rws_kafka_producer::ProducerConfig;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = ProducerConfig::new("localhost:9092")?.property("batch.size", "131072");
    /// # Ok(())
    /// # }
    /// ```
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.explicit.push((name.into(), value.into()));
        self
    }

    /// Uses the clients of `other`; for the consumer.
    #[doc(hidden)]
    pub fn connects_like(mut self, other: &Self) -> Self {
        self.connect = Arc::clone(&other.connect);
        self
    }

    /// Returns the librdkafka properties: those set here override those of the layers, which override the
    /// defaults.
    ///
    /// # Errors
    ///
    /// [`ProducerError::Setting`] for a setting that contradicts transactions, or that needs them.
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

/// Sets the properties of a transactional producer.
fn transactions(
    properties: &mut Properties,
    id: &str,
    timeout: Duration,
) -> Result<(), ProducerError> {
    refuse(id.trim().is_empty(), "transactional.id", || {
        "is empty; each running instance needs its own id, which it keeps across restarts, such \
         as the name of a StatefulSet's pod"
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
                "is {}, but transaction_timeout is {ms} ms: remove the property, or change \
                 transaction_timeout",
                set.unwrap_or_default()
            )
        })?;
    }
    properties.set("transactional.id", id);
    properties.set("transaction.timeout.ms", ms.to_string());
    properties.set_default("message.timeout.ms", ms.to_string());
    // While the previous transaction ends, which takes milliseconds, the broker asks to retry. librdkafka's
    // default of 100 ms is longer than a transaction.
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
