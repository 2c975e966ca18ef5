use std::fmt;

use crate::origin::{Layer, Origin};

/// Everything that is wrong with a configuration.
///
/// Its `Display` lists each problem on a line of its own, and so does its `Debug`, which is what
/// Rust prints of an error that `main` returns. No rendering holds
/// the value of a secret setting, nor a line of the configuration file.
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

    /// All problems found: at least one.
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

/// One thing that is wrong, with the place it was found at and what is
/// allowed there.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    origin: Origin,
    message: String,
}

/// What sort of [`Problem`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The configuration file cannot be read, or is not TOML.
    Source,
    /// A name that is no setting, or no property of librdkafka.
    Unknown,
    /// A setting that is required, and that no layer gives.
    Missing,
    /// A value that the setting does not allow.
    Invalid,
    /// Settings that do not fit together.
    Conflict,
    /// A file named by a setting cannot be used.
    File,
    /// A librdkafka property that may not be passed through.
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

    /// What sort of problem it is.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The layer it was found in; [`Layer::Default`] for what no layer gives.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.origin.layer()
    }

    /// What is wrong and what is allowed, without the place.
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
