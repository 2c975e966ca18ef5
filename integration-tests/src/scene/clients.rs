use std::time::Duration;

use rws_kafka::{
    ConsumerConfig, KafkaConfig, KafkaConsumer, KafkaProducer, ProducerConfig,
    config::KafkaConfigBuilder,
};

use super::Scene;

impl Scene<'_> {
    /// Returns settings of a worker in the scene's group, which notices a rebalance at once, and
    /// the end of a killed member after 6 s.
    ///
    /// # Panics
    ///
    /// Panics if the settings are invalid.
    pub fn config(&self) -> ConsumerConfig {
        self.config_of(|config| config)
    }

    /// Returns the same settings with changes.
    ///
    /// # Panics
    ///
    /// Panics if the changed settings are invalid.
    pub fn config_of(
        &self,
        change: impl FnOnce(KafkaConfigBuilder) -> KafkaConfigBuilder,
    ) -> ConsumerConfig {
        let builder = KafkaConfig::builder()
            .brokers(self.kafka.bootstrap())
            .consumer_group(&self.group)
            .session_timeout(Duration::from_secs(6))
            .property("heartbeat.interval.ms", "200");
        let config = change(builder).build().expect("valid settings");
        ConsumerConfig::from(config).observer(self.observer.clone())
    }

    /// Returns settings that contain only brokers and group: with KIP-848, session and heartbeat
    /// are the broker's.
    ///
    /// # Panics
    ///
    /// Panics if the settings are invalid.
    pub fn bare_config(&self) -> ConsumerConfig {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), &self.group);
        config
            .expect("valid settings")
            .observer(self.observer.clone())
    }

    /// Returns a consumer of the topic with [the usual settings](Self::config).
    ///
    /// # Panics
    ///
    /// Panics if it cannot be made.
    pub fn consumer(&self) -> KafkaConsumer {
        self.consumer_of(self.config())
    }

    /// Returns a consumer of the topic with these settings.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be made.
    pub fn consumer_of(&self, config: ConsumerConfig) -> KafkaConsumer {
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
    }

    /// Returns [settings of a producer](crate::Brokers::producer_config), whose observer is not the
    /// scene's.
    ///
    /// # Panics
    ///
    /// Panics if the settings are invalid.
    pub fn producer_config(&self) -> ProducerConfig {
        self.kafka.producer_config()
    }

    /// Returns a producer with [these settings](Self::producer_config).
    ///
    /// # Panics
    ///
    /// Panics if it cannot be made.
    pub fn producer(&self) -> KafkaProducer {
        self.kafka.producer()
    }
}
