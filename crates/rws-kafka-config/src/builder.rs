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
use crate::table::each_setting;

/// Builds a [`KafkaConfig`] in code; returned by [`KafkaConfig::builder`].
///
/// There is a setter for each [setting](crate#settings). Setters override all other layers. If a setter
/// is called twice, the last value counts. [`build`](Self::build) checks values from code like those of
/// every other layer.
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
    /// Reads settings that no setter sets from these layers, such as [`Layers::from_process`].
    ///
    /// Without this call, they have their defaults.
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

    /// Sets a librdkafka property, as under `[kafka.properties]`.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.properties.push(PropertyEntry {
            origin: Origin::Code { key: name.clone() },
            value: RawValue::Text(SecretString::from(value.into())),
            name,
        });
        self
    }

    /// Checks all settings and returns the configuration. Reads the files that settings name, but does not
    /// connect to Kafka.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all problems found, including those of the [`layers`](Self::layers).
    pub fn build(self) -> Result<KafkaConfig, ConfigError> {
        let mut raw = self.layers.collect();
        raw.entries.extend(self.entries);
        raw.properties.extend(self.properties);
        KafkaConfig::from_raw(raw)
    }

    fn text(self, key: Key, text: impl Into<String>) -> Self {
        self.value(key, RawValue::Text(SecretString::from(text.into())))
    }

    fn shown(self, key: Key, value: impl ToString) -> Self {
        self.text(key, value.to_string())
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

impl KafkaConfig {
    /// Returns a builder that sets a configuration in code.
    ///
    /// Settings that are not set have their defaults, unless the builder gets
    /// [`layers`](KafkaConfigBuilder::layers).
    pub fn builder() -> KafkaConfigBuilder {
        KafkaConfigBuilder::default()
    }
}

/// Declares the setter of one setting, by the type of its value.
macro_rules! setter {
    (String, $($rest:tt)+) => { setter!(@(impl Into<String>), text, $($rest)+); };
    (SecretString, $($rest:tt)+) => { setter!(@(impl Into<String>), text, $($rest)+); };
    (PathBuf, $($rest:tt)+) => { setter!(@(impl Into<PathBuf>), path, $($rest)+); };
    (Duration, $($rest:tt)+) => { setter!(@(Duration), millis, $($rest)+); };
    ($type:ident, $($rest:tt)+) => { setter!(@($type), shown, $($rest)+); };
    (@($($type:tt)+), $with:ident, $Key:ident, $key:ident, $setter:ident, $doc:literal) => {
        #[doc = concat!($doc, ".")]
        ///
        #[doc = concat!("This is the setting `", stringify!($key), "`; the [table](crate#settings) says")]
        /// what it allows.
        pub fn $setter(self, value: $($type)+) -> Self {
            self.$with(Key::$Key, value)
        }
    };
}

macro_rules! setters {
    ($(
        $Key:ident {
            key: $key:ident,
            in_code: $setter:ident($type:ident),
            kind: $kind:expr,
            default: $default:expr,
            properties: $properties:expr,
            doc: $doc:literal,
        }
    )+) => {
        /// A setter for each setting.
        impl KafkaConfigBuilder {
            $(setter!($type, $Key, $key, $setter, $doc);)+
        }
    };
}

each_setting!(setters);
