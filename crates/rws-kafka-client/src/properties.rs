use crate::errors::described;
use crate::mask::masked;
use crate::reconnect;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rws_kafka_config::Properties;
use rws_kafka_observe::text::printable;

/// Converts properties into rdkafka's configuration.
pub fn client_config(properties: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in properties.iter() {
        config.set(name, value);
    }
    for (name, ms) in reconnect::reconnect_backoff(properties) {
        config.set(name, ms.to_string());
    }
    // Otherwise librdkafka does not log what `debug` asks for.
    config.set_log_level(match properties.get("debug") {
        Some(_) => RDKafkaLogLevel::Debug,
        None => RDKafkaLogLevel::Info,
    });
    config
}

/// Returns why rdkafka did not create a client with `properties`.
///
/// librdkafka repeats the values that it refuses. Secrets among the properties are masked; everything else
/// stays readable.
pub fn creation_failed(properties: &Properties, error: &KafkaError) -> String {
    let detail = match error {
        KafkaError::ClientConfig(_, detail, name, _) => format!("{name}: {detail}"),
        KafkaError::ClientCreation(detail) => detail.clone(),
        other => described(other),
    };
    printable(masked(properties, &detail).trim_end()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::producer::{BaseProducer, DefaultProducerContext};

    /// Returns why librdkafka refuses a client with these properties.
    fn refusal(set: &[(&str, &str)]) -> String {
        let mut properties = Properties::default();
        for (name, value) in set {
            properties.set(*name, *value);
        }
        let created = client_config(&properties).create_with_context(DefaultProducerContext);
        let created: Result<BaseProducer<_>, _> = created;
        match created {
            Ok(_) => panic!("{set:?} is not refused"),
            Err(error) => creation_failed(&properties, &error),
        }
    }

    #[test]
    fn a_refused_value_is_shown_unless_it_is_a_secret() {
        assert_eq!(
            refusal(&[("transaction.timeout.ms", "1")]),
            "transaction.timeout.ms: Configuration property \"transaction.timeout.ms\" value 1 is \
             outside allowed range 1000..2147483647"
        );
        assert_eq!(
            refusal(&[("compression.type", "brotli")]),
            "compression.type: Invalid value \"brotli\" for configuration property \
             \"compression.codec\""
        );
        let key = refusal(&[
            ("ssl.key.pem", "a-secret-4711"),
            ("security.protocol", "SSL"),
        ]);
        assert!(!key.contains("a-secret-4711"), "{key}");
        // A secret is masked, whichever property librdkafka complains about.
        let pair = [("sasl.password", "brotli"), ("compression.type", "brotli")];
        let shown = refusal(&pair);
        assert!(shown.contains("Invalid value \"***\""), "{shown}");
    }
}
