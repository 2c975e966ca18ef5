use std::path::PathBuf;

use rws_kafka_config::{ConfigError, KafkaConfig, Layers};
use tempfile::TempDir;

pub(crate) const BROKERS: (&str, &str) = ("RWS_CONFIG_KAFKA_BROKERS", "kafka:9092");

pub(crate) fn toml(text: &str) -> Result<KafkaConfig, ConfigError> {
    KafkaConfig::from_layers(Layers::new().toml("rws.config.toml", text))
}

/// The variables, and brokers.
pub(crate) fn env(variables: &[(&str, &str)]) -> Result<KafkaConfig, ConfigError> {
    let variables = variables.iter().copied();
    KafkaConfig::from_layers(Layers::new().env(std::iter::once(BROKERS).chain(variables)))
}

/// The flags, and brokers.
pub(crate) fn args(args: &[&str]) -> Result<KafkaConfig, ConfigError> {
    KafkaConfig::from_layers(Layers::new().env([BROKERS]).args(args.iter().copied()))
}

/// The problems as a user reads them.
pub(crate) fn problems(result: Result<KafkaConfig, ConfigError>) -> Vec<String> {
    match result {
        Ok(config) => panic!("the configuration was accepted: {config:?}"),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

/// The only problem, as a user reads it.
pub(crate) fn problem(result: Result<KafkaConfig, ConfigError>) -> String {
    let problems = problems(result);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.concat()
}

/// A folder of files that is removed when this is dropped.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.missing(name);
        std::fs::write(&path, content).expect("a temporary file");
        path
    }

    pub(crate) fn missing(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.write("tls.crt", pem("CERTIFICATE"))
    }
}

/// A PEM block. Its body is base64, which is as far as this crate looks.
pub(crate) fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\nMIIBszCCAVmgAwIBAgIUQw==\n-----END {label}-----\n")
}
