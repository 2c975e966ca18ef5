use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::catalogue::{self, Scope};
use crate::describe::Description;
use crate::error::ConfigError;
use crate::layers::Layers;
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::passthrough::{self, PassThrough};
use crate::properties::Properties;
use crate::raw::Raw;
use crate::schema_registry::SchemaRegistryConfig;
use crate::settings::Key;
use crate::slot::Slot;
use crate::validate;
use crate::values::Values;

/// A checked configuration: the brokers, the security settings and the consumer group.
///
/// Create it with [`from_env`](Self::from_env), [`from_layers`](Self::from_layers) or
/// [`builder`](Self::builder). Cloning is cheap. `Debug` shows secrets as `***`.
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
    values: Values,
    schema_registry: Option<SchemaRegistryConfig>,
    passthrough: Vec<PassThrough>,
    description: Description,
}

impl KafkaConfig {
    /// Reads all layers of this process and checks the settings. Does not connect to Kafka.
    ///
    /// The layers are the defaults, the `[kafka]` table of `rws.config.toml` (`RWS_CONFIG_FILE` names
    /// another file), the environment variables `RWS_CONFIG_KAFKA_*`, and the flags `--kafka-…=`. Each
    /// overrides those before it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all problems found; see [`ProblemKind`](crate::ProblemKind).
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_layers(Layers::from_process())
    }

    /// Reads the given layers and checks the settings, as [`from_env`](Self::from_env) does for those of
    /// this process.
    ///
    /// # Errors
    ///
    /// Those of [`from_env`](Self::from_env).
    pub fn from_layers(layers: Layers) -> Result<Self, ConfigError> {
        Self::from_raw(layers.collect())
    }

    pub(crate) fn from_raw(mut raw: Raw) -> Result<Self, ConfigError> {
        let mut problems = std::mem::take(&mut raw.problems);
        let mut values = Values::read(&raw, &mut problems);
        let passthrough = passthrough::check(&raw.properties, &mut problems);
        let combined = validate::together(&values, &passthrough, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let description = Description::new(&values, &passthrough);
        values.sasl_password.fill(combined.sasl_password);
        Ok(Self {
            inner: Arc::new(Inner {
                values,
                schema_registry: combined.schema_registry,
                passthrough,
                description,
            }),
        })
    }

    /// Returns the brokers to connect to first, separated by commas without spaces.
    #[must_use]
    pub fn brokers(&self) -> &str {
        text(&self.inner.values.brokers).unwrap_or_default()
    }

    /// Returns the name of this service; default `rws-kafka`.
    #[must_use]
    pub fn client_id(&self) -> &str {
        text(&self.inner.values.client_id).unwrap_or_default()
    }

    /// Returns the consumer group, if it is set.
    #[must_use]
    pub fn consumer_group(&self) -> Option<&str> {
        text(&self.inner.values.consumer_group)
    }

    /// Returns the name of this instance as a static member of its group, if it is set.
    #[must_use]
    pub fn group_instance_id(&self) -> Option<&str> {
        text(&self.inner.values.group_instance_id)
    }

    /// Returns the security of connections; default `PLAINTEXT`.
    #[must_use]
    pub fn security_protocol(&self) -> SecurityProtocol {
        copied(&self.inner.values.security_protocol).unwrap_or_default()
    }

    /// Returns the mechanism by which clients authenticate, if and only if the security protocol uses SASL.
    #[must_use]
    pub fn sasl_mechanism(&self) -> Option<SaslMechanism> {
        copied(&self.inner.values.sasl_mechanism)
    }

    /// Returns the SASL user name, if it is set.
    #[must_use]
    pub fn sasl_username(&self) -> Option<&str> {
        text(&self.inner.values.sasl_username)
    }

    /// Returns the file with the CA certificates that sign the brokers' certificates, if it is set.
    #[must_use]
    pub fn ssl_ca_file(&self) -> Option<&Path> {
        path(&self.inner.values.ssl_ca_file)
    }

    /// Returns the file with this client's certificate, if it is set.
    #[must_use]
    pub fn ssl_certificate_file(&self) -> Option<&Path> {
        path(&self.inner.values.ssl_certificate_file)
    }

    /// Returns the file with the private key of this client's certificate, if it is set.
    #[must_use]
    pub fn ssl_key_file(&self) -> Option<&Path> {
        path(&self.inner.values.ssl_key_file)
    }

    /// Returns the time after which a silent consumer loses its partitions; default 45 s.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        copied(&self.inner.values.session_timeout_ms).unwrap_or_default()
    }

    /// Returns `true` if a layer above the defaults sets the session timeout. The group protocol of
    /// [KIP-848] does not allow that.
    ///
    /// [KIP-848]: https://cwiki.apache.org/confluence/display/KAFKA/KIP-848%3A+The+Next+Generation+of+the+Consumer+Rebalance+Protocol
    #[must_use]
    pub fn session_timeout_is_explicit(&self) -> bool {
        self.inner.values.session_timeout_ms.is_explicit()
    }

    /// Returns where a group without a committed offset starts; default [`OffsetReset::Earliest`].
    #[must_use]
    pub fn auto_offset_reset(&self) -> OffsetReset {
        copied(&self.inner.values.auto_offset_reset).unwrap_or_default()
    }

    /// Returns the time that a worker with work may commit nothing before `/readyz` is degraded; default
    /// 60 s.
    #[must_use]
    pub fn readyz_lag_timeout(&self) -> Duration {
        copied(&self.inner.values.readyz_lag_timeout_ms).unwrap_or_default()
    }

    /// Returns the schema registry and how to connect to it, if one is configured.
    #[must_use]
    pub fn schema_registry(&self) -> Option<&SchemaRegistryConfig> {
        self.inner.schema_registry.as_ref()
    }

    /// Returns a property of `[kafka.properties]`, by its name or any of its aliases.
    ///
    /// Returns `None` if the property is not set, or if its value is a secret. Only
    /// [`client_properties`](Self::client_properties), [`producer_properties`](Self::producer_properties)
    /// and [`consumer_properties`](Self::consumer_properties) contain secrets.
    ///
    /// ```
    /// use rws_kafka_config::KafkaConfig;
    ///
    /// let config = KafkaConfig::builder()
    ///     .brokers("kafka:9092")
    ///     .property("linger.ms", "5")
    ///     .build()?;
    /// assert_eq!(config.property("queue.buffering.max.ms"), Some("5"));
    /// # Ok::<(), rws_kafka_config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        passthrough::find(&self.inner.passthrough, name)
            .filter(|property| !property.is_secret())
            .map(|property| property.value.expose_secret())
    }

    /// Returns the properties for every librdkafka client: brokers, security, and the properties of
    /// `[kafka.properties]` that both producers and consumers read.
    #[must_use]
    pub fn client_properties(&self) -> Properties {
        let mut properties = Properties::default();
        self.add(Scope::Both, &mut properties);
        properties
    }

    /// Returns the properties for a producer: [`client_properties`](Self::client_properties) and the
    /// properties of `[kafka.properties]` that only producers read.
    #[must_use]
    pub fn producer_properties(&self) -> Properties {
        let mut properties = self.client_properties();
        self.add(Scope::Producer, &mut properties);
        properties
    }

    /// Returns the properties for a consumer: [`client_properties`](Self::client_properties), the group,
    /// and the properties of `[kafka.properties]` that only consumers read.
    ///
    /// With `group.protocol=consumer`, which does not allow `session.timeout.ms`, they do not contain it.
    #[must_use]
    pub fn consumer_properties(&self) -> Properties {
        let mut properties = self.client_properties();
        self.add(Scope::Consumer, &mut properties);
        properties
    }

    /// Returns every setting with its effective value and the layer that it came from.
    #[must_use]
    pub fn describe(&self) -> Description {
        self.inner.description.clone()
    }

    /// Adds the properties that clients of this scope read: those of settings, then those passed through.
    fn add(&self, scope: Scope, properties: &mut Properties) {
        let inner = &*self.inner;
        let broker_sets_session = validate::is_kip_848(&inner.passthrough);
        inner.values.for_each(|key, slot| {
            let name = key.setting().properties().first();
            let known = name.and_then(|name| catalogue::find(name));
            let is_wanted = !(key == Key::SessionTimeoutMs && broker_sets_session);
            if let Some(known) = known.filter(|known| known.scope == scope && is_wanted)
                && let Some(value) = slot.in_clear()
            {
                properties.set(known.name, value.expose_secret());
            }
        });
        for property in &inner.passthrough {
            if property.scope == scope {
                properties.set(property.name, property.value.expose_secret());
            }
        }
    }
}

// A setting that is required or has a default always has a value in a configuration, so the fallbacks of the
// getters are never used.

fn text(slot: &Slot<String>) -> Option<&str> {
    slot.value().map(String::as_str)
}

fn path(slot: &Slot<PathBuf>) -> Option<&Path> {
    slot.value().map(PathBuf::as_path)
}

fn copied<T: Copy>(slot: &Slot<T>) -> Option<T> {
    slot.value().copied()
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
