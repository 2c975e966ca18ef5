//! The Kafka brokers that this service uses.

use crate::{DEAD_LETTERS, TOPIC};
use rws_kafka::config::Layers;
use rws_kafka::embedded::Broker;
use rws_kafka::{ConfigError, KafkaConfig};
use std::error::Error;

/// The consumer group, unless the settings name another.
const GROUP: &str = "orders-service";

/// The configured brokers, or one in this process.
pub(crate) struct Kafka {
    config: KafkaConfig,
    /// Kept, because the broker stops when it is dropped.
    _embedded: Option<Broker>,
}

impl Kafka {
    /// Brokers named in `rws.config.toml`, by `RWS_CONFIG_KAFKA_BROKERS` or by `--kafka-brokers`;
    /// without any, a broker in this process.
    pub(crate) fn configured_or_embedded() -> Result<Self, Box<dyn Error>> {
        if Layers::from_process().sets("brokers") {
            let config = configure(None)?;
            tracing::info!("using the configured Kafka brokers {}", config.brokers());
            return Ok(Self {
                config,
                _embedded: None,
            });
        }
        let broker = Broker::start()?;
        broker.create_topic(TOPIC, 3)?;
        broker.create_topic(DEAD_LETTERS, 1)?;
        tracing::warn!(
            "no Kafka broker is configured (RWS_CONFIG_KAFKA_BROKERS): using an embedded one on \
             {}, which loses all messages when this process ends",
            broker.bootstrap_servers()
        );
        Ok(Self {
            config: configure(Some(broker.bootstrap_servers()))?,
            _embedded: Some(broker),
        })
    }

    pub(crate) fn config(&self) -> &KafkaConfig {
        &self.config
    }
}

/// The configuration of all layers, on `brokers` when they are given.
fn configure(brokers: Option<&str>) -> Result<KafkaConfig, ConfigError> {
    let layers = Layers::from_process();
    let has_group = layers.sets("consumer_group");
    let mut config = KafkaConfig::builder().layers(layers);
    if let Some(brokers) = brokers {
        config = config.brokers(brokers);
    }
    if !has_group {
        config = config.consumer_group(GROUP);
    }
    config.build()
}
