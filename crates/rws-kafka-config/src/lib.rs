//! Kafka configuration for services on rust-web-server: read from layers,
//! checked as a whole, and mapped to librdkafka's properties.
//!
//! ```
//! use rws_kafka_config::{KafkaConfig, Layers};
//!
//! // `KafkaConfig::from_env()` takes the layers of this process.
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
//! Each overrides those before it:
//!
//! 1. the defaults,
//! 2. the `[kafka]` table of `rws.config.toml` in the working directory, or of
//!    the file that `RWS_CONFIG_FILE` names,
//! 3. `RWS_CONFIG_KAFKA_*` environment variables,
//! 4. `--kafka-…=` flags,
//! 5. what [`KafkaConfigBuilder`] sets in code.
//!
//! All problems are reported at once, as a [`ConfigError`], before any network
//! traffic. An unknown key, variable, flag or property is one of them. So is
//! an empty value, whatever the setting: it is more often a variable that lost
//! its text than a wish for the default. Blanks around a value are dropped,
//! except those of passwords.
//!
//! # Settings
//!
#![doc = include_str!("../settings.md")]
//!
//! Other properties of librdkafka stand under `[kafka.properties]`, as strings,
//! numbers or booleans. Those that a setting or a promise of the producer and
//! the consumer rests on are refused there.
//!
//! # Security
//!
//! - With `SASL_PLAINTEXT` and `SASL_SSL`, `sasl_mechanism` is required: with
//!   user and password for `PLAIN` and `SCRAM-…`, and for `OAUTHBEARER` with
//!   `sasl.oauthbearer.*` properties.
//! - The password comes from `sasl_password` or from `sasl_password_file`; both
//!   is an error. Other users of a machine can read its processes' flags: a
//!   file or a variable keeps a password better.
//! - Settings that the protocol would not use are errors: they tell that
//!   another protocol was meant.
//! - No rendering shows a secret. Only [`Properties::iter`] and
//!   [`Properties::get`] give one, to librdkafka.

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
