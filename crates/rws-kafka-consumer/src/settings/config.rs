use crate::error::ConsumerError;
use rws_kafka_config::{KafkaConfig, Properties, is_client_property};
use rws_kafka_observe::Observer;
use rws_kafka_producer::ProducerConfig;
use std::fmt;
use std::time::Duration;

/// Properties whose defaults differ from librdkafka's, and why.
const DEFAULTS: [(&str, &str); 5] = [
    // librdkafka's 1000 ms is how long it stops fetching after its local queue was full: a consumer of small
    // messages then reaches a sixth of its rate.
    ("fetch.queue.backoff.ms", "5"),
    // librdkafka prefetches 64 MiB for each partition and 50 MiB for each request, too much for a pod. 4 MiB
    // are as fast as 16 MiB.
    ("queued.max.messages.kbytes", "4096"),
    ("fetch.max.bytes", "8388608"),
    // The consumer finds a topic that is created later within seconds instead of five minutes.
    ("topic.metadata.refresh.interval.ms", "5000"),
    // The statistics distinguish unread messages from offsets without a message, such as transaction markers.
    ("statistics.interval.ms", "2000"),
];

/// Properties whose values the engine relies on.
pub(crate) const OWNED: [(&str, &str); 3] = [
    ("enable.partition.eof", "false"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
];

/// How partitions are assigned to the members of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupProtocol {
    /// One member assigns the partitions, by a client-side strategy. The default.
    #[default]
    Classic,
    /// The broker assigns the partitions, one at a time ([KIP-848]). Requires brokers of version 4.0 or
    /// newer.
    ///
    /// The session timeout and the heartbeat interval are settings of the broker then. librdkafka waits for
    /// an answer for at most `group.consumer.heartbeat.interval.ms`, so keep that at 1 s or more.
    ///
    /// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
    Consumer,
}

/// The settings of a [`KafkaConsumer`](crate::KafkaConsumer).
///
/// ```
/// use rws_kafka_consumer::ConsumerConfig;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ConsumerConfig::new("localhost:9092", "orders")?
///     .drain_timeout(Duration::from_secs(10))
///     .max_in_flight(1_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a configuration does nothing until a consumer is created from it"]
pub struct ConsumerConfig {
    pub(crate) kafka: KafkaConfig,
    pub(crate) explicit: Vec<(String, String)>,
    pub(crate) commit_interval: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) observer: Observer,
    /// The worker's own producers connect as a producer with these settings does; those of a test connect to
    /// no broker.
    pub(crate) connects_like: Option<ProducerConfig>,
}

impl ConsumerConfig {
    /// Reads the settings of all layers: defaults, `rws.config.toml`, `RWS_CONFIG_KAFKA_*`, `--kafka-…`.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] lists every invalid setting.
    pub fn from_env() -> Result<Self, ConsumerError> {
        Ok(KafkaConfig::from_env()?.into())
    }

    /// Creates settings for a comma-separated list of brokers (`host:port`) and a consumer group. Environment
    /// and files are not read.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] if the brokers or the group are invalid.
    pub fn new(
        brokers: impl Into<String>,
        group: impl Into<String>,
    ) -> Result<Self, ConsumerError> {
        Ok(KafkaConfig::builder()
            .brokers(brokers)
            .consumer_group(group)
            .build()?
            .into())
    }

    /// Sets how often the worker commits the offsets of finished messages. Default 100 ms; values below 1 ms
    /// are treated as 1 ms.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets how long a revoke or a stop waits for the messages in flight. Default 30 s.
    ///
    /// During a rebalance the whole group waits for this worker. The timeout must be less than
    /// `max.poll.interval.ms` (5 minutes), after which the broker continues without this consumer: otherwise
    /// the worker does not start.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets how many messages the worker fetches before it pauses partitions. Default 10,000; at least 1.
    /// Every partition has an equal share of at least 1.
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.max_in_flight = messages;
        self
    }

    /// Sets how many bytes of keys, payloads and headers the worker fetches before it pauses partitions.
    /// Default 32 MiB; at least 1.
    ///
    /// Each partition may exceed its share by one batch of up to 256 KiB, or by one message that is larger
    /// than that.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.max_in_flight_bytes = bytes;
        self
    }

    /// Sets how the group assigns its partitions. Default [`GroupProtocol::Classic`], with the strategies
    /// `range` and `roundrobin`.
    ///
    /// For `cooperative-sticky`, set the [`property`](Self::property) `partition.assignment.strategy`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::{ConsumerConfig, GroupProtocol};
    ///
    /// let config = ConsumerConfig::new("localhost:9092", "orders")?
    ///     .group_protocol(GroupProtocol::Consumer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn group_protocol(self, protocol: GroupProtocol) -> Self {
        self.property(
            "group.protocol",
            match protocol {
                GroupProtocol::Classic => "classic",
                GroupProtocol::Consumer => "consumer",
            },
        )
    }

    /// Sets the observer that receives metrics and health. Default: [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Sets a librdkafka consumer property. It overrides every other setting of that property.
    ///
    /// The worker commits offsets itself. It therefore does not start if a property turns
    /// `enable.auto.commit`, `enable.auto.offset.store` or `enable.partition.eof` on.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rws_kafka_consumer::ConsumerConfig;
    ///
    /// // Allows a `drain_timeout` of more than 5 minutes.
    /// let config = ConsumerConfig::new("localhost:9092", "orders")?
    ///     .property("max.poll.interval.ms", "600000");
    /// # Ok(())
    /// # }
    /// ```
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.explicit.push((name.into(), value.into()));
        self
    }

    /// The librdkafka properties. The engine's override those set here, which override those of the layers,
    /// which override the defaults.
    pub(crate) fn properties(&self) -> Properties {
        let mut properties = self.kafka.consumer_properties();
        for (name, value) in &self.explicit {
            properties.set(name, value);
        }
        for (name, value) in DEFAULTS {
            properties.set_default(name, value);
        }
        for (name, value) in OWNED {
            properties.set(name, value);
        }
        if is_kip_848(&properties) && !self.session_timeout_is_explicit() {
            // KIP-848 has no such client setting, so the default must not be sent.
            properties.remove("session.timeout.ms");
        }
        properties
    }

    /// The properties of a client that reads no messages: those of the layers and the ones set here that
    /// apply to every client.
    pub(crate) fn client_properties(&self) -> Properties {
        let mut properties = self.kafka.client_properties();
        for (name, value) in self.of_all_clients() {
            properties.set(name, value);
        }
        properties
    }

    /// The properties set here that apply to every client.
    fn of_all_clients(&self) -> impl Iterator<Item = &(String, String)> {
        let explicit = self.explicit.iter();
        explicit.filter(|(name, _)| is_client_property(name))
    }

    /// The settings of a producer of the worker's own: the layers, and the properties set here that apply to
    /// every client.
    pub(crate) fn producer(&self) -> ProducerConfig {
        let mut config = ProducerConfig::from(self.kafka.clone()).observer(self.observer.clone());
        for (name, value) in self.of_all_clients() {
            config = config.property(name, value);
        }
        config
    }

    /// The settings of a producer that publishes messages which this consumer has read. `for_what` is
    /// appended to the client id, which then differs from that of the service's own producer.
    pub(crate) fn letters_producer(&self, for_what: &str) -> ProducerConfig {
        let mut config = self.producer().close_timeout(Duration::ZERO);
        let properties = self.client_properties();
        let client = properties.get("client.id").unwrap_or_default();
        config = config.property("client.id", format!("{client}-{for_what}"));
        // A message of any size that was read can be published: only the limit of the target topic applies.
        if self.kafka.property("message.max.bytes").is_none() {
            config = config.property("message.max.bytes", "1000000000");
        }
        // A letter that cannot be delivered is reported after 30 s, not after two minutes.
        if self.kafka.property("message.timeout.ms").is_none() {
            config = config.delivery_timeout(Duration::from_secs(30));
        }
        self.connected(config)
    }

    /// Applies `connects_like` to the settings of a producer of the worker's own.
    pub(super) fn connected(&self, config: ProducerConfig) -> ProducerConfig {
        match &self.connects_like {
            Some(other) => config.connects_like(other),
            None => config,
        }
    }

    fn session_timeout_is_explicit(&self) -> bool {
        let mut explicit = self.explicit.iter();
        self.kafka.session_timeout_is_explicit()
            || explicit.any(|(name, _)| name == "session.timeout.ms")
    }
}

/// Returns `true` if the group protocol of KIP-848 is set.
pub(crate) fn is_kip_848(properties: &Properties) -> bool {
    let protocol = properties.get("group.protocol");
    protocol.is_some_and(|name| name.eq_ignore_ascii_case("consumer"))
}

impl From<KafkaConfig> for ConsumerConfig {
    fn from(kafka: KafkaConfig) -> Self {
        Self {
            kafka,
            explicit: Vec::new(),
            commit_interval: Duration::from_millis(100),
            drain_timeout: Duration::from_secs(30),
            max_in_flight: 10_000,
            max_in_flight_bytes: 32 * 1024 * 1024,
            observer: Observer::global(),
            connects_like: None,
        }
    }
}

impl fmt::Debug for ConsumerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerConfig")
            .field("kafka", &self.kafka)
            // Names only: a value may be a secret.
            .field(
                "explicit",
                &self.explicit.iter().map(|(n, _)| n).collect::<Vec<_>>(),
            )
            .field("commit_interval", &self.commit_interval)
            .field("drain_timeout", &self.drain_timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("max_in_flight_bytes", &self.max_in_flight_bytes)
            .finish_non_exhaustive()
    }
}
