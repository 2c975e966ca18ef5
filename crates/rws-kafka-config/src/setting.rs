use crate::kind::{Kind, Shape};

/// The declaration of one setting; [`settings`](crate::settings()) lists them.
#[derive(Debug)]
pub struct Setting {
    key: &'static str,
    env: &'static str,
    flag: &'static str,
    default: Option<&'static str>,
    secret: bool,
    shape: Shape,
    allowed: &'static str,
    doc: &'static str,
    properties: &'static [&'static str],
}

/// The spellings of a setting's name.
pub(crate) struct Names {
    pub(crate) key: &'static str,
    pub(crate) env: &'static str,
    pub(crate) flag: &'static str,
}

impl Setting {
    pub(crate) const fn new<T>(
        names: Names,
        kind: &Kind<T>,
        default: Option<&'static str>,
        properties: &'static [&'static str],
        doc: &'static str,
    ) -> Self {
        Self {
            key: names.key,
            env: names.env,
            flag: names.flag,
            default,
            secret: kind.is_secret,
            shape: kind.shape,
            allowed: kind.allowed,
            doc,
            properties,
        }
    }

    /// Returns the key in the `[kafka]` table, such as `client_id`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the environment variable, such as `RWS_CONFIG_KAFKA_CLIENT_ID`.
    #[must_use]
    pub fn env(&self) -> &'static str {
        self.env
    }

    /// Returns the flag without a value, such as `--kafka-client-id`.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        self.flag
    }

    /// Returns the default, if there is one.
    #[must_use]
    pub fn default_value(&self) -> Option<&'static str> {
        self.default
    }

    /// Returns `true` if the value is a secret, which is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Returns the allowed values, in words.
    #[must_use]
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }

    /// Returns what the setting is for, in one line.
    #[must_use]
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// Returns the librdkafka properties that the setting owns. It sets the first one. All are refused under
    /// `[kafka.properties]`.
    #[must_use]
    pub fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
}
