use std::fmt;

use crate::origin::{Layer, Origin};

/// All problems of a configuration.
///
/// `Display` writes each problem on a line of its own. `Debug` writes the same, because Rust prints it when
/// `main` returns the error. Neither shows the value of a secret setting or a line of the configuration
/// file.
///
/// ```
/// use rws_kafka_config::KafkaConfig;
///
/// let error = KafkaConfig::builder()
///     .brokers("kafka:99999")
///     .sasl_password("s3cret")
///     .build()
///     .unwrap_err();
///
/// assert_eq!(error.problems().len(), 2);
/// assert!(!error.to_string().contains("s3cret"));
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Returns all problems found; there is at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the Kafka configuration has a problem:")?,
            n => write!(f, "the Kafka configuration has {n} problems:")?,
        }
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

/// One problem of a configuration: where it is, what was found, and what is allowed.
///
/// ```
/// use rws_kafka_config::{KafkaConfig, ProblemKind};
///
/// let error = KafkaConfig::builder().build().unwrap_err();
/// assert_eq!(error.problems()[0].kind(), ProblemKind::Missing); // `brokers` has no default
/// ```
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    origin: Origin,
    message: String,
}

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The configuration file cannot be read or is not valid TOML.
    Source,
    /// A name is neither a setting nor a property of librdkafka.
    Unknown,
    /// No layer sets a required setting.
    Missing,
    /// The setting does not allow the value.
    Invalid,
    /// Settings contradict each other.
    Conflict,
    /// A file that a setting names cannot be used.
    File,
    /// The librdkafka property may not be set under `[kafka.properties]`.
    Refused,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            kind,
            origin: origin.clone(),
            message: message.into(),
        }
    }

    /// Returns the kind of the problem.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns the layer that the problem was found in, or [`Layer::Default`] if no layer sets the setting.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.origin.layer()
    }

    /// Returns what is wrong and what is allowed, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}
