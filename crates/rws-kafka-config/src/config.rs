use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::builder::KafkaConfigBuilder;
use crate::catalogue::Scope;
use crate::describe::Description;
use crate::error::ConfigError;
use crate::layers::Layers;
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::passthrough::{self, PassThrough};
use crate::properties::Properties;
use crate::raw::Raw;
use crate::schema_registry::SchemaRegistryConfig;
use crate::settings::{Key, Values};
use crate::validate;

/// A checked configuration: how to reach Kafka, and as whom.
///
/// Cheap to clone. `Debug` shows secrets as `***`.
///
/// ```no_run
/// use rws_kafka_config::KafkaConfig;
///
/// let config = KafkaConfig::from_env()?;
/// println!("{}", config.describe());
/// # Ok::<(), rws_kafka_config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct KafkaConfig {
    inner: Arc<Inner>,
}

struct Inner {
    brokers: String,
    client_id: String,
    consumer_group: Option<String>,
    group_instance_id: Option<String>,
    security_protocol: SecurityProtocol,
    sasl_mechanism: Option<SaslMechanism>,
    sasl_username: Option<String>,
    sasl_password: Option<SecretString>,
    ssl_ca_file: Option<PathBuf>,
    ssl_certificate_file: Option<PathBuf>,
    ssl_key_file: Option<PathBuf>,
    ssl_key_password: Option<SecretString>,
    session_timeout: Duration,
    session_timeout_is_explicit: bool,
    auto_offset_reset: OffsetReset,
    readyz_lag_timeout: Duration,
    schema_registry: Option<SchemaRegistryConfig>,
    passthrough: Vec<PassThrough>,
    description: Description,
}

impl KafkaConfig {
    /// Reads all layers of this process: defaults, the `[kafka]` table of
    /// `rws.config.toml` (`RWS_CONFIG_FILE` names another file),
    /// `RWS_CONFIG_KAFKA_*` variables and `--kafka-…=` flags. Does not connect.
    ///
    /// # Errors
    ///
    /// Every problem found: see [`ProblemKind`](crate::ProblemKind) for their
    /// sorts.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_layers(Layers::from_process())
    }

    /// As [`from_env`](Self::from_env), with explicit sources.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_layers(layers: Layers) -> Result<Self, ConfigError> {
        Self::from_raw(layers.collect())
    }

    /// A configuration set in code, from the defaults only unless it is given
    /// [`layers`](KafkaConfigBuilder::layers).
    pub fn builder() -> KafkaConfigBuilder {
        KafkaConfigBuilder::default()
    }

    pub(crate) fn from_raw(mut raw: Raw) -> Result<Self, ConfigError> {
        let mut problems = std::mem::take(&mut raw.problems);
        let values = Values::read(&raw, &mut problems);
        let passthrough = passthrough::check(&raw.properties, &mut problems);
        let combined = validate::together(&values, &passthrough, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let description = Description::new(&values, &passthrough);
        let session_timeout_is_explicit = values.session_timeout_ms.is_explicit();
        // What has a default or is required has a value where there is no
        // problem: the fallbacks below are never taken.
        Ok(Self {
            inner: Arc::new(Inner {
                brokers: values.brokers.into_value().unwrap_or_default(),
                client_id: values.client_id.into_value().unwrap_or_default(),
                consumer_group: values.consumer_group.into_value(),
                group_instance_id: values.group_instance_id.into_value(),
                security_protocol: values.security_protocol.into_value().unwrap_or_default(),
                sasl_mechanism: values.sasl_mechanism.into_value(),
                sasl_username: values.sasl_username.into_value(),
                sasl_password: combined.sasl_password,
                ssl_ca_file: values.ssl_ca_file.into_value(),
                ssl_certificate_file: values.ssl_certificate_file.into_value(),
                ssl_key_file: values.ssl_key_file.into_value(),
                ssl_key_password: values.ssl_key_password.into_value(),
                session_timeout: values.session_timeout_ms.into_value().unwrap_or_default(),
                session_timeout_is_explicit,
                auto_offset_reset: values.auto_offset_reset.into_value().unwrap_or_default(),
                readyz_lag_timeout: values
                    .readyz_lag_timeout_ms
                    .into_value()
                    .unwrap_or_default(),
                schema_registry: combined.schema_registry,
                passthrough,
                description,
            }),
        })
    }

    /// The brokers to connect to first, separated by commas without blanks.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.inner.brokers
    }

    /// The name of this service; `rws-kafka` unless it is set.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.inner.client_id
    }

    /// The consumer group.
    #[must_use]
    pub fn consumer_group(&self) -> Option<&str> {
        self.inner.consumer_group.as_deref()
    }

    /// The name of this instance as a static member of its group.
    #[must_use]
    pub fn group_instance_id(&self) -> Option<&str> {
        self.inner.group_instance_id.as_deref()
    }

    /// How connections are secured; `PLAINTEXT` unless it is set.
    #[must_use]
    pub fn security_protocol(&self) -> SecurityProtocol {
        self.inner.security_protocol
    }

    /// How clients authenticate; set if and only if the protocol uses SASL.
    #[must_use]
    pub fn sasl_mechanism(&self) -> Option<SaslMechanism> {
        self.inner.sasl_mechanism
    }

    /// The SASL user.
    #[must_use]
    pub fn sasl_username(&self) -> Option<&str> {
        self.inner.sasl_username.as_deref()
    }

    /// The file of the certificates trusted to sign the brokers'.
    #[must_use]
    pub fn ssl_ca_file(&self) -> Option<&Path> {
        self.inner.ssl_ca_file.as_deref()
    }

    /// The file of this client's certificate.
    #[must_use]
    pub fn ssl_certificate_file(&self) -> Option<&Path> {
        self.inner.ssl_certificate_file.as_deref()
    }

    /// The file of the private key of that certificate.
    #[must_use]
    pub fn ssl_key_file(&self) -> Option<&Path> {
        self.inner.ssl_key_file.as_deref()
    }

    /// How long a silent consumer keeps its partitions; 45 s unless it is set.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        self.inner.session_timeout
    }

    /// Whether a layer above the defaults sets the session timeout: under the
    /// group protocol of [KIP-848] it may not be set.
    ///
    /// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
    #[must_use]
    pub fn session_timeout_is_explicit(&self) -> bool {
        self.inner.session_timeout_is_explicit
    }

    /// Where a group without a committed offset starts; at the earliest unless
    /// it is set.
    #[must_use]
    pub fn auto_offset_reset(&self) -> OffsetReset {
        self.inner.auto_offset_reset
    }

    /// How long a worker with work may commit nothing before `/readyz` is
    /// degraded; 60 s unless it is set.
    #[must_use]
    pub fn readyz_lag_timeout(&self) -> Duration {
        self.inner.readyz_lag_timeout
    }

    /// Which schema registry there is, and how it is reached.
    #[must_use]
    pub fn schema_registry(&self) -> Option<&SchemaRegistryConfig> {
        self.inner.schema_registry.as_ref()
    }

    /// A property of `[kafka.properties]`, under any of its aliases. `None`
    /// also for one whose value is a secret: only
    /// [`client_properties`](Self::client_properties) and its siblings hold
    /// those.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        passthrough::find(&self.inner.passthrough, name)
            .filter(|property| !property.is_secret())
            .map(|property| property.value.expose_secret())
    }

    /// What every librdkafka client needs: brokers, security and the
    /// passed-through properties that neither side has for itself.
    #[must_use]
    pub fn client_properties(&self) -> Properties {
        let inner = &*self.inner;
        let mut properties = Properties::default();
        set(&mut properties, Key::Brokers, &inner.brokers);
        set(&mut properties, Key::ClientId, &inner.client_id);
        set(
            &mut properties,
            Key::SecurityProtocol,
            inner.security_protocol.as_str(),
        );
        let secret = |secret: &Option<SecretString>| {
            secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned())
        };
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
        };
        let optional = [
            (
                Key::SaslMechanism,
                inner.sasl_mechanism.map(|name| name.as_str().to_owned()),
            ),
            (Key::SaslUsername, inner.sasl_username.clone()),
            (Key::SaslPassword, secret(&inner.sasl_password)),
            (Key::SslCaFile, path(&inner.ssl_ca_file)),
            (Key::SslCertificateFile, path(&inner.ssl_certificate_file)),
            (Key::SslKeyFile, path(&inner.ssl_key_file)),
            (Key::SslKeyPassword, secret(&inner.ssl_key_password)),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                set(&mut properties, key, value);
            }
        }
        self.pass_through(Scope::Both, &mut properties);
        properties
    }

    /// What a producer needs: [`client_properties`](Self::client_properties)
    /// and the passed-through properties of producers.
    #[must_use]
    pub fn producer_properties(&self) -> Properties {
        let mut properties = self.client_properties();
        self.pass_through(Scope::Producer, &mut properties);
        properties
    }

    /// What a consumer needs: [`client_properties`](Self::client_properties),
    /// the group and the passed-through properties of consumers.
    ///
    /// `session.timeout.ms` is left out with `group.protocol=consumer`, which
    /// does not allow it.
    #[must_use]
    pub fn consumer_properties(&self) -> Properties {
        let inner = &*self.inner;
        let mut properties = self.client_properties();
        if let Some(group) = &inner.consumer_group {
            set(&mut properties, Key::ConsumerGroup, group);
        }
        if let Some(id) = &inner.group_instance_id {
            set(&mut properties, Key::GroupInstanceId, id);
        }
        if !validate::is_kip_848(&inner.passthrough) {
            set(
                &mut properties,
                Key::SessionTimeoutMs,
                inner.session_timeout.as_millis().to_string(),
            );
        }
        set(
            &mut properties,
            Key::AutoOffsetReset,
            inner.auto_offset_reset.as_str(),
        );
        self.pass_through(Scope::Consumer, &mut properties);
        properties
    }

    /// Every setting with its effective value and the layer it came from.
    #[must_use]
    pub fn describe(&self) -> Description {
        self.inner.description.clone()
    }

    fn pass_through(&self, scope: Scope, properties: &mut Properties) {
        for property in &self.inner.passthrough {
            if property.scope == scope {
                properties.set(property.name, property.value.expose_secret());
            }
        }
    }
}

/// Sets the librdkafka property that the setting owns.
fn set(properties: &mut Properties, key: Key, value: impl Into<String>) {
    if let Some(name) = key.setting().properties().first() {
        properties.set(*name, value);
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("KafkaConfig");
        for row in self.inner.description.rows() {
            if let Some(value) = row.value() {
                shown.field(row.setting(), &value);
            }
        }
        shown.finish()
    }
}
