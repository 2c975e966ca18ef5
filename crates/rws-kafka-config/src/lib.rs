//! Kafka configuration for services on rust-web-server. It is read from layers, checked as a whole, and
//! mapped to librdkafka's properties.
//!
//! ```
//! use rws_kafka_config::{KafkaConfig, Layers};
//!
//! // `KafkaConfig::from_env()` reads the layers of this process.
//! let layers = Layers::new()
//!     .toml("rws.config.toml", r#"
//!         [kafka]
//!         brokers = "broker1:9092,broker2:9092"
//!         client_id = "my-service"
//!
//!         [kafka.properties]
//!         linger.ms = 5
//!     "#)
//!     .env([("RWS_CONFIG_KAFKA_CLIENT_ID", "orders")])
//!     .args(["--kafka-consumer-group=orders"]);
//! let config = KafkaConfig::from_layers(layers)?;
//!
//! assert_eq!(config.client_id(), "orders");
//! assert_eq!(config.producer_properties().get("linger.ms"), Some("5"));
//! println!("{}", config.describe());
//! # Ok::<(), rws_kafka_config::ConfigError>(())
//! ```
//!
//! # Layers
//!
//! Each layer overrides those before it:
//!
//! 1. the defaults,
//! 2. the `[kafka]` table of `rws.config.toml` in the working directory, or of the file that
//!    `RWS_CONFIG_FILE` names,
//! 3. the environment variables `RWS_CONFIG_KAFKA_*`,
//! 4. the flags `--kafka-…=`,
//! 5. the values that [`KafkaConfigBuilder`] sets in code.
//!
//! All problems are reported together in a [`ConfigError`], before anything connects to Kafka. An unknown
//! key, variable, flag or property is a problem. An empty value is a problem for every setting: it is more
//! often a variable that lost its text than a request for the default. Spaces around a value are removed,
//! except around passwords.
//!
//! # Settings
//!
#![doc = include_str!("../settings.md")]
//!
//! Set other librdkafka properties under `[kafka.properties]`, as strings, numbers or booleans. Properties
//! that a setting sets, or on which a guarantee of the producer or the consumer depends, are refused there.
//!
//! # Security
//!
//! - With `SASL_PLAINTEXT` and `SASL_SSL`, `sasl_mechanism` is required. `PLAIN` and `SCRAM-…` also need a
//!   user and a password, and `OAUTHBEARER` needs `sasl.oauthbearer.*` properties.
//! - The password comes from `sasl_password` or from `sasl_password_file`; setting both is an error.
//!   Prefer a file or a variable: other users of a machine can read the flags of its processes.
//! - A setting that the security protocol would not use is an error, because it shows that another
//!   protocol was intended.
//! - No output shows a secret. Only [`Properties::iter`], [`Properties::get`] and [`Properties::secrets`]
//!   return secrets.

mod builder;
mod catalogue;
mod check;
mod config;
mod describe;
mod error;
mod files;
mod hint;
mod java;
mod kind;
mod layers;
mod oauth;
mod options;
mod origin;
mod parse;
mod passthrough;
mod properties;
mod raw;
mod schema_registry;
mod secrets;
mod setting;
mod settings;
mod slot;
mod spelling;
mod table;
mod toml_file;
mod validate;
mod values;

pub use builder::KafkaConfigBuilder;
pub use catalogue::is_client_property;
pub use config::KafkaConfig;
pub use describe::{Description, Row};
pub use error::{ConfigError, Problem, ProblemKind};
pub use layers::Layers;
pub use options::{OffsetReset, SaslMechanism, SecurityProtocol, UnknownName};
pub use origin::Layer;
pub use properties::Properties;
pub use schema_registry::{RegistryCredentials, RegistryKind, SchemaRegistryConfig};
pub use secrets::is_secret_property;
pub use setting::Setting;
pub use settings::{reference_table, settings};

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
