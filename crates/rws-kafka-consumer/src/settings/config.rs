use crate::error::ConsumerError;
use rws_kafka_config::{KafkaConfig, Properties, is_client_property};
use rws_kafka_observe::Observer;
use rws_kafka_producer::ProducerConfig;
use std::fmt;
use std::time::Duration;

/// What differs from librdkafka's own defaults, and why.
const DEFAULTS: [(&str, &str); 5] = [
    // librdkafka's 1000 ms is how long it stops fetching once its local queue was full: a consumer
    // of small messages then does a sixth of its rate.
    ("fetch.queue.backoff.ms", "5"),
    // librdkafka's 64 MiB of prefetch for each consumer, 50 MiB for each request, is more than a
    // pod spares.
    ("queued.max.messages.kbytes", "16384"),
    ("fetch.max.bytes", "8388608"),
    // A subscribed topic that is made later is found within seconds, not five minutes.
    ("topic.metadata.refresh.interval.ms", "5000"),
    // They tell apart what is not read yet from what holds no messages, such as transaction marks.
    ("statistics.interval.ms", "2000"),
];

/// What the engine relies on.
pub(crate) const OWNED: [(&str, &str); 3] = [
    ("enable.partition.eof", "false"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
];

/// How the members of a group come to their partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupProtocol {
    /// One member assigns, by a client-side strategy. The default.
    #[default]
    Classic,
    /// The broker assigns, one partition after the other ([KIP-848]); needs brokers of version 4.0
    /// or newer. Session and heartbeat are the broker's settings then; librdkafka waits for an answer
    /// no longer than `group.consumer.heartbeat.interval.ms`, so keep that at a second or more.
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
#[must_use = "a configuration does nothing until a consumer is made of it"]
pub struct ConsumerConfig {
    pub(crate) kafka: KafkaConfig,
    pub(crate) explicit: Vec<(String, String)>,
    pub(crate) commit_interval: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) observer: Observer,
    /// The worker's own producers connect as one of these settings would; a test's connect to no broker.
    pub(crate) connects_like: Option<ProducerConfig>,
}

impl ConsumerConfig {
    /// The settings of all layers: defaults, `rws.config.toml`, `RWS_CONFIG_KAFKA_*`, `--kafka-…`.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] lists every setting that is wrong.
    pub fn from_env() -> Result<Self, ConsumerError> {
        Ok(KafkaConfig::from_env()?.into())
    }

    /// Settings in code, for a comma list of brokers (`host:port`) and a consumer group.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] when one of them is wrong.
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

    /// How often finished offsets are brought to the broker. Default 100 ms; at least 1 ms.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How long a revoke or a stop waits for the messages in hand. Default 30 s.
    ///
    /// During a rebalance the whole group waits with it: keep it below `max.poll.interval.ms`
    /// (5 minutes), after which the broker goes on without this consumer; a worker refuses to start
    /// with more.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How many messages the worker takes in before it pauses partitions. Default 10,000, shared
    /// evenly by the partitions; at least 1 each.
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.max_in_flight = messages;
        self
    }

    /// The same in bytes of keys, payloads and headers. Default 32 MiB. One batch of up to 256 KiB
    /// for each partition, or a message larger than that, may come on top.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.max_in_flight_bytes = bytes;
        self
    }

    /// How the group shares out its partitions. Default [`GroupProtocol::Classic`], with the
    /// strategies `range` and `roundrobin`; for `cooperative-sticky` set the
    /// [`property`](Self::property) `partition.assignment.strategy`.
    pub fn group_protocol(self, protocol: GroupProtocol) -> Self {
        self.property(
            "group.protocol",
            match protocol {
                GroupProtocol::Classic => "classic",
                GroupProtocol::Consumer => "consumer",
            },
        )
    }

    /// Where metrics and health go. Default: [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Any librdkafka consumer property; it goes before all other settings of it. The commit is
    /// the worker's: one that turns `enable.auto.commit`, `enable.auto.offset.store` or
    /// `enable.partition.eof` on is refused when the worker starts.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.explicit.push((name.into(), value.into()));
        self
    }

    /// The librdkafka properties: the engine's before those set here before those of the layers
    /// before the defaults.
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
            // The protocol knows none, so its default must not be sent.
            properties.remove("session.timeout.ms");
        }
        properties
    }

    /// What a client needs that reads no messages: that of the layers, and what is set here of it.
    pub(crate) fn client_properties(&self) -> Properties {
        let mut properties = self.kafka.client_properties();
        for (name, value) in self.of_all_clients() {
            properties.set(name, value);
        }
        properties
    }

    /// What is set here of that which is every client's.
    fn of_all_clients(&self) -> impl Iterator<Item = &(String, String)> {
        let explicit = self.explicit.iter();
        explicit.filter(|(name, _)| is_client_property(name))
    }

    /// What a producer of the worker's has of its settings: the layers, and what is set here of that
    /// which is every client's.
    pub(crate) fn producer(&self) -> ProducerConfig {
        let mut config = ProducerConfig::from(self.kafka.clone()).observer(self.observer.clone());
        for (name, value) in self.of_all_clients() {
            config = config.property(name, value);
        }
        config
    }

    /// The settings of a producer that writes what this consumer has read. What it is `for_what`
    /// makes its client id another than that of the service's own producer.
    pub(crate) fn letters_producer(&self, for_what: &str) -> ProducerConfig {
        let mut config = self.producer().close_timeout(Duration::ZERO);
        let properties = self.client_properties();
        let client = properties.get("client.id").unwrap_or_default();
        config = config.property("client.id", format!("{client}-{for_what}"));
        // A message that was read can be written: only the topic's own limit holds.
        if self.kafka.property("message.max.bytes").is_none() {
            config = config.property("message.max.bytes", "1000000000");
        }
        // A letter that finds no way is told of sooner than after two minutes.
        if self.kafka.property("message.timeout.ms").is_none() {
            config = config.delivery_timeout(Duration::from_secs(30));
        }
        self.connected(config)
    }

    /// The settings of a producer of the worker's own.
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

/// Whether the group protocol of KIP-848 is asked for.
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
