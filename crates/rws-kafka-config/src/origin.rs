use std::fmt;
use std::sync::Arc;

/// A source of settings. Later layers override earlier ones, in the order of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The built-in default.
    Default,
    /// The `[kafka]` table of `rws.config.toml`.
    File,
    /// An `RWS_CONFIG_KAFKA_*` environment variable.
    Environment,
    /// A `--kafka-…=` command-line flag.
    Flag,
    /// A setter of [`KafkaConfigBuilder`](crate::KafkaConfigBuilder).
    Code,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
            Self::Code => "code",
        })
    }
}

/// Where a value was set, named as the person who wrote it would name the place.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Default {
        key: String,
    },
    File {
        file: Arc<str>,
        line: usize,
        key: String,
    },
    /// The file itself, or a line of it that belongs to no key.
    WholeFile {
        file: Arc<str>,
        line: Option<usize>,
    },
    Environment {
        name: String,
    },
    Flag {
        flag: String,
    },
    Code {
        key: String,
    },
}

impl Origin {
    pub(crate) fn layer(&self) -> Layer {
        match self {
            Self::Default { .. } => Layer::Default,
            Self::File { .. } | Self::WholeFile { .. } => Layer::File,
            Self::Environment { .. } => Layer::Environment,
            Self::Flag { .. } => Layer::Flag,
            Self::Code { .. } => Layer::Code,
        }
    }

    /// Returns the place without the name of the setting, for [`Description`](crate::Description).
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File { file, line, .. } => format!("{file}, line {line}"),
            _ => self.layer().to_string(),
        }
    }
}

// Names come from outside: `escape_debug` keeps a line break in a name from looking like another problem.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { key } => write!(f, "`{key}`"),
            Self::File { file, line, key } => {
                write!(f, "`{}` in {file}, line {line}", key.escape_debug())
            }
            Self::WholeFile {
                file,
                line: Some(line),
            } => write!(f, "{file}, line {line}"),
            Self::WholeFile { file, line: None } => f.write_str(file),
            Self::Environment { name } => {
                write!(f, "environment variable {}", name.escape_debug())
            }
            Self::Flag { flag } => write!(f, "flag {}", flag.escape_debug()),
            Self::Code { key } => write!(f, "`{}` set in code", key.escape_debug()),
        }
    }
}
