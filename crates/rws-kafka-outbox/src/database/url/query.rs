//! Reads those parameters of a database URL that tokio-postgres does not know.

use super::parameters::{self, Ours, Parameter};
use super::problem::{unknown, unusable};
use crate::error::OutboxError;
use rws_kafka_observe::text::printable;
use std::path::PathBuf;
use tokio_postgres::Config;

/// A URL with only the parameters that tokio-postgres knows, and the meaning of the others.
#[derive(Default)]
pub(super) struct Query {
    pub(super) url: String,
    parameters: Vec<String>,
    sslmode: Option<&'static str>,
    /// The mode from `ssl`; `sslmode` takes precedence.
    ssl: Option<&'static str>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) fallback_name: Option<String>,
    pub(super) unnamed: bool,
    ignored: Vec<String>,
}

impl Query {
    pub(super) fn of(url: &str) -> Result<Self, OutboxError> {
        check_scheme(url)?;
        // libpq's other form, `host=… password=…`, has no query, although a password in it may look like one.
        let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_url {
            return Ok(Self {
                url: url.to_owned(),
                ..Self::default()
            });
        }
        // As in tokio-postgres, user and password end at the first `@`.
        let after_credentials = url.find('@').unwrap_or(0);
        let Some(query) = url[after_credentials..].find('?') else {
            return Ok(Self {
                url: url.to_owned(),
                ..Self::default()
            });
        };
        let (address, query) = url.split_at(after_credentials + query);
        let mut read = Self::default();
        for parameter in query[1..].split('&').filter(|part| !part.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match parameters::find(name, value) {
                Some(meaning) => read.take(name, value, meaning)?,
                None => return Err(unknown(name, query)),
            }
        }
        if let Some(mode) = read.sslmode.or(read.ssl) {
            read.parameters.push(format!("sslmode={mode}"));
        }
        if !read.ignored.is_empty() {
            tracing::warn!(
                parameters = read.ignored.join(", "),
                "ignored parameters of the database URL that have no effect here"
            );
        }
        read.url = match read.parameters.is_empty() {
            true => address.to_owned(),
            false => format!("{address}?{}", read.parameters.join("&")),
        };
        Ok(read)
    }

    fn take(&mut self, name: &str, value: &str, meaning: Parameter) -> Result<(), OutboxError> {
        let ours = match meaning {
            Parameter::Known => {
                self.parameters.push(format!("{name}={value}"));
                return Ok(());
            }
            Parameter::Ignored => {
                self.ignored.push(name.to_owned());
                return Ok(());
            }
            Parameter::Refused(why) => {
                return Err(unusable(format!("has the parameter {name}: {why}")));
            }
            Parameter::Ours(ours) => ours,
        };
        match ours {
            Ours::SslMode => self.sslmode = Some(sslmode(value)?),
            Ours::Ssl => {
                self.ssl = Some(match value {
                    "" | "true" | "1" | "on" | "yes" => "require",
                    "false" | "0" | "off" | "no" => "disable",
                    mode => sslmode(mode)?,
                });
            }
            Ours::SslRootCert => self.ca_file = Some(decoded(value)?.into()),
            Ours::FallbackApplicationName => self.fallback_name = Some(decoded(value)?),
            Ours::Unnamed => self.unnamed = true,
            Ours::ApplicationName => self.parameters.push(format!("application_name={value}")),
            Ours::KeepalivesCount => self.parameters.push(format!("keepalives_retries={value}")),
            Ours::TargetSessionAttrs => {
                let attributes = target_session_attrs(value)?;
                self.parameters
                    .push(format!("target_session_attrs={attributes}"));
            }
        }
        Ok(())
    }

    /// Returns why tokio-postgres does not parse the URL: the parameter with an invalid value, if there is
    /// one.
    pub(super) fn what_is_wrong(&self) -> OutboxError {
        let is_bad = |parameter: &&String| {
            let alone = format!("postgres://@/?{parameter}");
            alone.parse::<Config>().is_err()
        };
        let bad = self.parameters.iter().find(is_bad);
        match bad.and_then(|parameter| parameter.split_once('=')) {
            Some((name, _)) => unusable(format!("has an invalid value of {name}")),
            None => OutboxError::InvalidDatabaseUrl,
        }
    }
}

/// Refuses the schemes of other drivers, naming them.
fn check_scheme(url: &str) -> Result<(), OutboxError> {
    let Some((scheme, _)) = url.split_once("://") else {
        return Ok(());
    };
    let is_driver = [
        "jdbc:postgresql",
        "postgis",
        "cockroachdb",
        "postgresql+",
        "postgres+",
    ]
    .into_iter()
    .find(|driver| scheme.starts_with(driver));
    match is_driver {
        Some(driver) => Err(unusable(format!(
            "begins with {driver}, the scheme of another driver; allowed: postgres:// or postgresql://"
        ))),
        None => Ok(()),
    }
}

fn decoded(value: &str) -> Result<String, OutboxError> {
    // Percent-decoded by tokio-postgres, as the other parameters are.
    let read: Result<Config, _> = format!("postgres://@/?application_name={value}").parse();
    let config = read.map_err(|_| OutboxError::InvalidDatabaseUrl)?;
    Ok(config.get_application_name().unwrap_or_default().to_owned())
}

/// Returns the mode in tokio-postgres's terms.
fn sslmode(mode: &str) -> Result<&'static str, OutboxError> {
    match mode {
        "disable" => Ok("disable"),
        "prefer" => Ok("prefer"),
        // The certificate and the name are checked in any case.
        "require" | "verify-ca" | "verify-full" => Ok("require"),
        _ => Err(OutboxError::InvalidOption {
            option: "sslmode in the database URL",
            found: printable(mode).into_owned(),
            allowed: "disable, prefer, require, verify-ca, verify-full",
        }),
    }
}

/// Returns the kind of server in tokio-postgres's terms. `primary` means `read-write`, because a primary that
/// is read-only by its settings accepts no events.
fn target_session_attrs(value: &str) -> Result<&'static str, OutboxError> {
    match value {
        "any" => Ok("any"),
        "read-write" | "primary" => Ok("read-write"),
        "read-only" => Ok("read-only"),
        _ => Err(OutboxError::InvalidOption {
            option: "target_session_attrs in the database URL",
            found: printable(value).into_owned(),
            allowed: "any, read-write, primary, read-only; an outbox needs a server that it can write to",
        }),
    }
}
