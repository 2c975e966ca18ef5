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
//! | `[kafka]` key | environment variable | flag | default | allowed | what it is for |
//! |---|---|---|---|---|---|
//! | `brokers` | `RWS_CONFIG_KAFKA_BROKERS` | `--kafka-brokers=` |  | host:port pairs separated by commas (port 9092 if left out, IPv6 in brackets) | The brokers to connect to first; required |
//! | `client_id` | `RWS_CONFIG_KAFKA_CLIENT_ID` | `--kafka-client-id=` | `rws-kafka` | any name | The name of this service in the brokers' logs, metrics and quotas |
//! | `consumer_group` | `RWS_CONFIG_KAFKA_CONSUMER_GROUP` | `--kafka-consumer-group=` |  | any name | The group that shares partitions and offsets; consumers need one |
//! | `group_instance_id` | `RWS_CONFIG_KAFKA_GROUP_INSTANCE_ID` | `--kafka-group-instance-id=` |  | 1 to 249 of the characters a-z A-Z 0-9 . _ -, and not `.` or `..` | Static membership: a name unique to, and kept by, each instance (KIP-345) |
//! | `security_protocol` | `RWS_CONFIG_KAFKA_SECURITY_PROTOCOL` | `--kafka-security-protocol=` | `PLAINTEXT` | PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL | How connections are encrypted and authenticated |
//! | `sasl_mechanism` | `RWS_CONFIG_KAFKA_SASL_MECHANISM` | `--kafka-sasl-mechanism=` |  | PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER | How SASL clients authenticate; required with SASL_PLAINTEXT and SASL_SSL |
//! | `sasl_username` | `RWS_CONFIG_KAFKA_SASL_USERNAME` | `--kafka-sasl-username=` |  | any name | The user of PLAIN and SCRAM |
//! | `sasl_password` | `RWS_CONFIG_KAFKA_SASL_PASSWORD` | `--kafka-sasl-password=` |  | any text (secret) | The password of PLAIN and SCRAM |
//! | `sasl_password_file` | `RWS_CONFIG_KAFKA_SASL_PASSWORD_FILE` | `--kafka-sasl-password-file=` |  | the path of a file that holds the password | A file that holds the password; one line break at its end is dropped |
//! | `ssl_ca_file` | `RWS_CONFIG_KAFKA_SSL_CA_FILE` | `--kafka-ssl-ca-file=` |  | the path of a PEM file | The certificates (PEM) trusted to sign the brokers'; else the system's |
//! | `ssl_certificate_file` | `RWS_CONFIG_KAFKA_SSL_CERTIFICATE_FILE` | `--kafka-ssl-certificate-file=` |  | the path of a PEM file | This client's certificate (PEM) for mutual TLS |
//! | `ssl_key_file` | `RWS_CONFIG_KAFKA_SSL_KEY_FILE` | `--kafka-ssl-key-file=` |  | the path of a PEM file | The private key (PEM) of that certificate |
//! | `ssl_key_password` | `RWS_CONFIG_KAFKA_SSL_KEY_PASSWORD` | `--kafka-ssl-key-password=` |  | any text (secret) | The password of that private key, if it is encrypted |
//! | `session_timeout_ms` | `RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS` | `--kafka-session-timeout-ms=` | `45000` | whole milliseconds from 6000 to 1800000, a broker's own default bounds | How long a silent consumer keeps its partitions |
//! | `auto_offset_reset` | `RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET` | `--kafka-auto-offset-reset=` | `earliest` | earliest or latest | Where a group without a committed offset starts |
//! | `readyz_lag_timeout_ms` | `RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS` | `--kafka-readyz-lag-timeout-ms=` | `60000` | whole milliseconds from 1 to 86400000 | How long a worker with work may commit nothing before `/readyz` is degraded |
//! | `schema_registry_url` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL` | `--kafka-schema-registry-url=` |  | http or https URLs without credentials, separated by commas | The schema registry with Confluent's API; the next URL is asked where one cannot answer |
//! | `schema_registry_username` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USERNAME` | `--kafka-schema-registry-username=` |  | any name | The user of the schema registry (HTTP Basic) |
//! | `schema_registry_password` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD` | `--kafka-schema-registry-password=` |  | any text (secret) | The password of that user |
//! | `schema_registry_password_file` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_PASSWORD_FILE` | `--kafka-schema-registry-password-file=` |  | the path of a file that holds the password | A file that holds the password; one line break at its end is dropped |
//! | `schema_registry_token_file` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_TOKEN_FILE` | `--kafka-schema-registry-token-file=` |  | the path of a file that holds the token | A file that holds a bearer token for the schema registry, in place of user and password |
//! | `schema_registry_ca_file` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_CA_FILE` | `--kafka-schema-registry-ca-file=` |  | the path of a PEM file | The certificates (PEM) trusted to sign the schema registry's; else the system's |
//! | `schema_registry_certificate_file` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_CERTIFICATE_FILE` | `--kafka-schema-registry-certificate-file=` |  | the path of a PEM file | This client's certificate (PEM) for mutual TLS with the schema registry |
//! | `schema_registry_key_file` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_KEY_FILE` | `--kafka-schema-registry-key-file=` |  | the path of a PEM file | The private key (PEM, not encrypted) of that certificate |
//! | `schema_registry_glue_region` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION` | `--kafka-schema-registry-glue-region=` |  | a region of AWS, such as eu-central-1 | The region of an AWS Glue Schema Registry, in place of schema_registry_url |
//! | `schema_registry_glue_name` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_NAME` | `--kafka-schema-registry-glue-name=` |  | any name | The name of that registry; else default-registry |
//! | `schema_registry_auto_register` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_AUTO_REGISTER` | `--kafka-schema-registry-auto-register=` | `true` | true or false | Whether the schema of a declared type is registered when it is first written with |
//! | `schema_registry_use_latest` | `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_USE_LATEST` | `--kafka-schema-registry-use-latest=` | `false` | true or false | Whether declared types too are written with the latest version of their subject |
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
mod config;
mod describe;
mod error;
mod files;
mod hint;
mod java;
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
mod toml_file;
mod validate;

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
