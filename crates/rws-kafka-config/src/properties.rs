use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::catalogue;
use crate::secrets::{REDACTED, is_secret_value};

/// Properties for a librdkafka client, in order.
///
/// [`iter`](Self::iter) and [`get`](Self::get) return secrets in clear text, because librdkafka needs them;
/// `Debug` does not show them. A property has one value, whichever of its aliases (`linger.ms`,
/// `queue.buffering.max.ms`) sets it.
///
/// ```
/// use rws_kafka_config::KafkaConfig;
///
/// let config = KafkaConfig::builder()
///     .brokers("kafka:9092")
///     .property("queue.buffering.max.ms", "20")
///     .build()?;
///
/// let mut properties = config.producer_properties();
/// properties.set_default("linger.ms", "0");
/// assert_eq!(properties.get("linger.ms"), Some("20"));
/// # Ok::<(), rws_kafka_config::ConfigError>(())
/// ```
#[derive(Clone, Default)]
pub struct Properties {
    list: Vec<Property>,
}

#[derive(Clone)]
struct Property {
    name: String,
    value: SecretString,
}

impl Properties {
    /// Returns the name and value of each property, including secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list
            .iter()
            .map(|property| (property.name.as_str(), property.value.expose_secret()))
    }

    /// Returns the value of a property, by its name or any of its aliases, even if it is a secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.position(name)
            .map(|index| self.list[index].value.expose_secret())
    }

    /// Returns the values that are secrets, in clear text, for callers that remove them from a text.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(|(name, value)| is_secret_value(name, value))
            .map(|(_, value)| value)
    }

    /// Sets a property, replacing a value under any of its aliases.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        let value = SecretString::from(value.into());
        match self.position(&name) {
            Some(index) => self.list[index] = Property { name, value },
            None => self.list.push(Property { name, value }),
        }
    }

    /// Sets a property unless it already has a value under any of its aliases.
    pub fn set_default(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        if self.position(&name).is_none() {
            self.set(name, value);
        }
    }

    /// Removes a property, by its name or any of its aliases.
    pub fn remove(&mut self, name: &str) {
        if let Some(index) = self.position(name) {
            self.list.remove(index);
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        let name = catalogue::canonical(name);
        self.list
            .iter()
            .position(|property| catalogue::canonical(&property.name) == name)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| {
            let secret = is_secret_value(name, value);
            (name, if secret { REDACTED } else { value })
        });
        f.debug_map().entries(shown).finish()
    }
}
