use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::{Problem, ProblemKind};
use crate::files::{self, Unreadable};
use crate::hint;
use crate::origin::Origin;
use crate::raw::{Entry, Raw, RawValue};
use crate::secrets::one_line;
use crate::settings::Key;
use crate::spelling::{ENV_PREFIX, FLAG_PREFIX};
use crate::toml_file;

/// The prefixes of our flags. The second one is a likely misspelling.
const FLAG_PREFIXES: [&str; 2] = [FLAG_PREFIX, "--kafka_"];
const FILE_VARIABLE: &str = "RWS_CONFIG_FILE";
const DEFAULT_FILE: &str = "rws.config.toml";

/// The sources of a configuration: file, environment and flags.
///
/// [`from_process`](Self::from_process) uses those of this process. Use [`new`](Self::new) with the other
/// methods to give them explicitly, for example in tests. Everything that does not concern Kafka is
/// ignored: tables other than `[kafka]`, variables that do not start with `RWS_CONFIG_KAFKA_`, arguments
/// that do not start with `--kafka-`, and all arguments after `--`.
///
/// ```
/// use rws_kafka_config::{KafkaConfig, Layers};
///
/// let layers = Layers::new()
///     .toml("rws.config.toml", "[kafka]\nbrokers = 'a:9092'\nclient_id = 'orders'")
///     .env([("RWS_CONFIG_KAFKA_BROKERS", "b:9092")])
///     .args(["--kafka-session-timeout-ms=30000"]);
///
/// let config = KafkaConfig::from_layers(layers)?;
/// assert_eq!(config.brokers(), "b:9092");
/// assert_eq!(config.client_id(), "orders");
/// assert_eq!(config.session_timeout().as_secs(), 30);
/// # Ok::<(), rws_kafka_config::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "layers do nothing until a configuration is built from them"]
pub struct Layers {
    file: Option<ConfigFile>,
    env: Vec<(OsString, OsString)>,
    args: Vec<OsString>,
}

#[derive(Clone)]
struct ConfigFile {
    name: Arc<str>,
    text: Result<SecretString, String>,
}

impl Layers {
    /// Returns no layers, which leaves only the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the layers of this process: its configuration file, its environment and its arguments.
    ///
    /// The file is the one that `RWS_CONFIG_FILE` names. If the variable is not set, it is `rws.config.toml` in
    /// the working directory, if that exists. If the file cannot be read, building a configuration from the
    /// layers returns an error.
    pub fn from_process() -> Self {
        Self {
            file: read_config_file(),
            ..Self::new()
                .env(std::env::vars_os())
                .args(std::env::args_os().skip(1))
        }
    }

    /// Sets the text of the configuration file, replacing an earlier one. Errors refer to it as `name`.
    pub fn toml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.file = Some(ConfigFile {
            name: one_line(&name.into()).into(),
            text: Ok(SecretString::from(text.into())),
        });
        self
    }

    /// Sets the environment variables, replacing earlier ones.
    pub fn env<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        self.env = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(name, _)| name.to_string_lossy().starts_with(ENV_PREFIX))
            .collect();
        self
    }

    /// Sets the command-line arguments without the program's name, replacing earlier ones.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = args
            .into_iter()
            .map(Into::into)
            .take_while(|arg: &OsString| arg != "--")
            .filter(|arg| is_ours(&arg.to_string_lossy()))
            .collect();
        self
    }

    /// Returns `true` if any layer sets this setting, even to an invalid value. `setting` is its key, such as
    /// `brokers`.
    ///
    /// ```
    /// use rws_kafka_config::Layers;
    ///
    /// let layers = Layers::new().args(["--kafka-brokers=kafka:9092"]);
    /// assert!(layers.sets("brokers"));
    /// assert!(!layers.sets("client_id"));
    /// ```
    #[must_use]
    pub fn sets(&self, setting: &str) -> bool {
        let raw = self.collect();
        raw.entries
            .iter()
            .any(|entry| entry.key.setting().key() == setting)
    }

    /// Reads every layer, the lowest first.
    pub(crate) fn collect(&self) -> Raw {
        let mut raw = Raw::default();
        match &self.file {
            None => {}
            Some(ConfigFile {
                name,
                text: Ok(text),
            }) => toml_file::collect(name, text.expose_secret(), &mut raw),
            Some(ConfigFile {
                name,
                text: Err(why),
            }) => {
                let origin = Origin::WholeFile {
                    file: Arc::clone(name),
                    line: None,
                };
                raw.problems
                    .push(Problem::new(ProblemKind::Source, &origin, why));
            }
        }
        for (name, value) in &self.env {
            variable(name, value, &mut raw);
        }
        for arg in &self.args {
            flag(arg, &mut raw);
        }
        raw
    }
}

/// Shows how many values there are, never the values, because any of them may be a secret.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("file", &self.file.as_ref().map(|file| &file.name))
            .field("variables", &self.env.len())
            .field("flags", &self.args.len())
            .finish()
    }
}

fn read_config_file() -> Option<ConfigFile> {
    // The server also ignores a blank name.
    let named = std::env::var_os(FILE_VARIABLE)
        .filter(|name| name.to_str().is_none_or(|name| !name.trim().is_empty()));
    let path = named.as_deref().unwrap_or(OsStr::new(DEFAULT_FILE));
    let text = match files::read_configuration(Path::new(path)) {
        Ok(text) => Ok(text),
        Err(Unreadable::System(error))
            if named.is_none() && error.kind() == io::ErrorKind::NotFound =>
        {
            return None;
        }
        Err(Unreadable::System(error)) => Err(match named {
            Some(_) => format!("cannot be read, but {FILE_VARIABLE} names it: {error}"),
            None => format!("cannot be read: {error}"),
        }),
        Err(Unreadable::Other(why)) => Err(why),
    };
    Some(ConfigFile {
        name: one_line(&path.to_string_lossy()).into(),
        text,
    })
}

fn raw_value(value: &OsStr) -> RawValue {
    value.to_str().map_or(RawValue::NotUnicode, |text| {
        RawValue::Text(SecretString::from(text))
    })
}

fn variable(name: &OsStr, value: &OsStr, raw: &mut Raw) {
    let name = name.to_string_lossy();
    let origin = Origin::Environment {
        name: name.clone().into_owned(),
    };
    match Key::find(|setting| setting.env() == name) {
        Some(key) => raw.entries.push(Entry {
            key,
            value: raw_value(value),
            origin,
        }),
        None => {
            let key = name.strip_prefix(ENV_PREFIX).unwrap_or(&name);
            let hint = hint::for_setting(key, |setting| setting.env().to_owned());
            raw.problems.push(Problem::new(
                ProblemKind::Unknown,
                &origin,
                format!("is not a setting{hint}"),
            ));
        }
    }
}

fn is_ours(arg: &str) -> bool {
    FLAG_PREFIXES.iter().any(|prefix| arg.starts_with(prefix))
}

fn flag(arg: &OsStr, raw: &mut Raw) {
    let lossy = arg.to_string_lossy();
    let (name, value) = match lossy.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (lossy.as_ref(), None),
    };
    // In `--kafka-sasl-password:s3cret` the name is invalid, and the error must not repeat the secret.
    let shown = name
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .map_or(name, |end| &name[..end]);
    let origin = Origin::Flag {
        flag: shown.to_owned(),
    };
    let mut refuse = |kind, message| raw.problems.push(Problem::new(kind, &origin, message));

    let Some(key) = Key::find(|setting| setting.flag() == name) else {
        let key = shown
            .trim_start_matches("--kafka")
            .trim_start_matches(['-', '_']);
        let hint = hint::for_setting(key, |setting| format!("{}=", setting.flag()));
        return refuse(ProblemKind::Unknown, format!("is not a flag{hint}"));
    };
    let Some(value) = value else {
        return refuse(
            ProblemKind::Invalid,
            format!("has no value; write {name}=…, because a value after a space is not read"),
        );
    };
    let value = match arg.to_str() {
        Some(_) => RawValue::Text(SecretString::from(value)),
        None => RawValue::NotUnicode,
    };
    raw.entries.push(Entry { key, value, origin });
}
