//! Producers of ours, on brokers where everything is allowed.

use rws_kafka::{KafkaProducer, Observer, ProducerConfig};

use super::Brokers;

impl Brokers {
    /// Returns settings of a producer on the plain listener, with an observer of its own.
    ///
    /// # Panics
    ///
    /// Panics if the settings are invalid.
    pub fn producer_config(&self) -> ProducerConfig {
        ProducerConfig::new(self.plain_bootstrap())
            .expect("valid settings")
            .observer(Observer::new())
    }

    /// Returns a producer with [these settings](Self::producer_config).
    ///
    /// # Panics
    ///
    /// Panics if it cannot be made.
    pub fn producer(&self) -> KafkaProducer {
        KafkaProducer::new(self.producer_config()).expect("a producer")
    }
}
