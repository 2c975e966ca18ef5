/// The declaration of one setting.
#[derive(Debug)]
pub struct Setting {
    pub(crate) key: &'static str,
    pub(crate) env: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) secret: bool,
    pub(crate) shape: Shape,
    pub(crate) allowed: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) properties: &'static [&'static str],
}

/// What a TOML value of a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// A string, or an array of strings.
    List,
    /// An integer, or a string that holds one.
    Integer,
    /// A boolean, or a string that holds one.
    Boolean,
}

impl Setting {
    /// Its key in the `[kafka]` table, such as `client_id`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Its environment variable, such as `RWS_CONFIG_KAFKA_CLIENT_ID`.
    #[must_use]
    pub fn env(&self) -> &'static str {
        self.env
    }

    /// Its flag without value, such as `--kafka-client-id`.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        self.flag
    }

    /// Its default, if it has one.
    #[must_use]
    pub fn default_value(&self) -> Option<&'static str> {
        self.default
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// What it allows, in words.
    #[must_use]
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }

    /// What it is for, in a line.
    #[must_use]
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// The librdkafka properties it owns, the one it sets first. They are
    /// refused under `[kafka.properties]`.
    #[must_use]
    pub fn properties(&self) -> &'static [&'static str] {
        self.properties
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
}
