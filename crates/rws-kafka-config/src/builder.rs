use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::KafkaConfig;
use crate::error::ConfigError;
use crate::layers::Layers;
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::origin::Origin;
use crate::raw::{Entry, PropertyEntry, RawValue};
use crate::settings::Key;

/// Sets a [`KafkaConfig`] in code; checked as every other layer is.
///
/// A setter called twice keeps the last value.
///
/// ```
/// use std::time::Duration;
/// use rws_kafka_config::KafkaConfig;
///
/// let config = KafkaConfig::builder()
///     .brokers("broker1:9092,broker2:9092")
///     .consumer_group("orders")
///     .session_timeout(Duration::from_secs(30))
///     .property("fetch.min.bytes", "1024")
///     .build()?;
/// assert_eq!(config.consumer_group(), Some("orders"));
/// # Ok::<(), rws_kafka_config::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct KafkaConfigBuilder {
    layers: Layers,
    entries: Vec<Entry>,
    properties: Vec<PropertyEntry>,
}

impl KafkaConfigBuilder {
    /// Takes what the setters leave out from these layers, such as
    /// [`Layers::from_process`].
    ///
    /// ```
    /// use rws_kafka_config::{KafkaConfig, Layers};
    ///
    /// let layers = Layers::new().env([
    ///     ("RWS_CONFIG_KAFKA_BROKERS", "kafka:9092"),
    ///     ("RWS_CONFIG_KAFKA_CONSUMER_GROUP", "orders"),
    /// ]);
    /// let config = KafkaConfig::builder()
    ///     .layers(layers)
    ///     .consumer_group("orders-audit")
    ///     .build()?;
    /// assert_eq!(config.brokers(), "kafka:9092");
    /// assert_eq!(config.consumer_group(), Some("orders-audit"));
    /// # Ok::<(), rws_kafka_config::ConfigError>(())
    /// ```
    pub fn layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }

    /// The brokers to connect to first: `host:port`, separated by commas.
    pub fn brokers(self, brokers: impl Into<String>) -> Self {
        self.text(Key::Brokers, brokers)
    }

    /// The name of this service in the brokers' logs, metrics and quotas.
    pub fn client_id(self, id: impl Into<String>) -> Self {
        self.text(Key::ClientId, id)
    }

    /// The group that shares partitions and offsets.
    pub fn consumer_group(self, group: impl Into<String>) -> Self {
        self.text(Key::ConsumerGroup, group)
    }

    /// The name of this instance as a static member of its group ([KIP-345]).
    ///
    /// [KIP-345]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-345%3A+Introduce+static+membership+protocol+to+reduce+consumer+rebalances
    pub fn group_instance_id(self, id: impl Into<String>) -> Self {
        self.text(Key::GroupInstanceId, id)
    }

    /// How connections are encrypted and authenticated.
    pub fn security_protocol(self, protocol: SecurityProtocol) -> Self {
        self.text(Key::SecurityProtocol, protocol.as_str())
    }

    /// How SASL clients authenticate.
    pub fn sasl_mechanism(self, mechanism: SaslMechanism) -> Self {
        self.text(Key::SaslMechanism, mechanism.as_str())
    }

    /// The user of PLAIN and SCRAM.
    pub fn sasl_username(self, name: impl Into<String>) -> Self {
        self.text(Key::SaslUsername, name)
    }

    /// The password of PLAIN and SCRAM.
    pub fn sasl_password(self, password: impl Into<String>) -> Self {
        self.text(Key::SaslPassword, password)
    }

    /// A file that holds the password, read when the configuration is built.
    pub fn sasl_password_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SaslPasswordFile, path)
    }

    /// The certificates (PEM) trusted to sign the brokers'.
    pub fn ssl_ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SslCaFile, path)
    }

    /// This client's certificate (PEM).
    pub fn ssl_certificate_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SslCertificateFile, path)
    }

    /// The private key (PEM) of that certificate.
    pub fn ssl_key_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SslKeyFile, path)
    }

    /// The password of that private key, if it is encrypted.
    pub fn ssl_key_password(self, password: impl Into<String>) -> Self {
        self.text(Key::SslKeyPassword, password)
    }

    /// How long a silent consumer keeps its partitions: 6 s to 30 min, in
    /// whole milliseconds.
    pub fn session_timeout(self, timeout: Duration) -> Self {
        self.millis(Key::SessionTimeoutMs, timeout)
    }

    /// Where a group without a committed offset starts.
    pub fn auto_offset_reset(self, reset: OffsetReset) -> Self {
        self.text(Key::AutoOffsetReset, reset.as_str())
    }

    /// How long a worker with work may commit nothing before `/readyz` is
    /// degraded: 1 ms to a day, in whole milliseconds.
    pub fn readyz_lag_timeout(self, timeout: Duration) -> Self {
        self.millis(Key::ReadyzLagTimeoutMs, timeout)
    }

    /// The URLs of a schema registry with Confluent's API, separated by commas; without credentials.
    pub fn schema_registry_url(self, urls: impl Into<String>) -> Self {
        self.text(Key::SchemaRegistryUrl, urls)
    }

    /// The user of the schema registry.
    pub fn schema_registry_username(self, name: impl Into<String>) -> Self {
        self.text(Key::SchemaRegistryUsername, name)
    }

    /// The password of that user.
    pub fn schema_registry_password(self, password: impl Into<String>) -> Self {
        self.text(Key::SchemaRegistryPassword, password)
    }

    /// A file that holds that password, read when the configuration is built.
    pub fn schema_registry_password_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SchemaRegistryPasswordFile, path)
    }

    /// A file that holds a bearer token for the schema registry, read when the configuration is built.
    pub fn schema_registry_token_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SchemaRegistryTokenFile, path)
    }

    /// The certificates (PEM) trusted to sign the schema registry's.
    pub fn schema_registry_ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SchemaRegistryCaFile, path)
    }

    /// This client's certificate (PEM) for the schema registry.
    pub fn schema_registry_certificate_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SchemaRegistryCertificateFile, path)
    }

    /// The private key (PEM, not encrypted) of that certificate.
    pub fn schema_registry_key_file(self, path: impl Into<PathBuf>) -> Self {
        self.path(Key::SchemaRegistryKeyFile, path)
    }

    /// The region of an AWS Glue Schema Registry.
    pub fn schema_registry_glue_region(self, region: impl Into<String>) -> Self {
        self.text(Key::SchemaRegistryGlueRegion, region)
    }

    /// The name of that registry.
    pub fn schema_registry_glue_name(self, name: impl Into<String>) -> Self {
        self.text(Key::SchemaRegistryGlueName, name)
    }

    /// Whether the schema of a declared type is registered when it is first written with.
    pub fn schema_registry_auto_register(self, auto_register: bool) -> Self {
        self.text(Key::SchemaRegistryAutoRegister, auto_register.to_string())
    }

    /// Whether declared types too are written with the latest version of their subject.
    pub fn schema_registry_use_latest(self, use_latest: bool) -> Self {
        self.text(Key::SchemaRegistryUseLatest, use_latest.to_string())
    }

    /// A librdkafka property, as under `[kafka.properties]`.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.properties.push(PropertyEntry {
            origin: Origin::Code { key: name.clone() },
            value: RawValue::Text(SecretString::from(value.into())),
            name,
        });
        self
    }

    /// Checks everything. Reads the files that are named; does not connect.
    ///
    /// # Errors
    ///
    /// Every problem found, those of the [`layers`](Self::layers) included.
    pub fn build(self) -> Result<KafkaConfig, ConfigError> {
        let mut raw = self.layers.collect();
        raw.entries.extend(self.entries);
        raw.properties.extend(self.properties);
        KafkaConfig::from_raw(raw)
    }

    fn text(self, key: Key, text: impl Into<String>) -> Self {
        self.value(key, RawValue::Text(SecretString::from(text.into())))
    }

    fn millis(self, key: Key, duration: Duration) -> Self {
        self.text(key, duration.as_millis().to_string())
    }

    fn path(self, key: Key, path: impl Into<PathBuf>) -> Self {
        let path = path.into().into_os_string().into_string();
        match path {
            Ok(text) => self.text(key, text),
            Err(_) => self.value(key, RawValue::NotUnicode),
        }
    }

    fn value(mut self, key: Key, value: RawValue) -> Self {
        let origin = Origin::Code {
            key: key.setting().key().to_owned(),
        };
        self.entries.push(Entry { key, value, origin });
        self
    }
}
