//! What the URL of a database says beyond what tokio-postgres reads.

use super::failure::DEADLINE;
use crate::error::OutboxError;
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;

const KEEPALIVE: Duration = Duration::from_secs(30);

/// A URL that was read.
pub(super) struct Url {
    pub(super) config: Config,
    /// The file of authorities that it names.
    pub(super) ca_file: Option<PathBuf>,
}

pub(super) fn parse(url: &str) -> Result<Url, OutboxError> {
    let (url, ca_file) = without_tls(url)?;
    let mut config: Config = url.parse().map_err(|_| OutboxError::InvalidDatabaseUrl)?;
    let is_set = |name: &str| url.contains(&format!("{name}="));
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(DEADLINE / 3);
    }
    if config.get_application_name().is_none() {
        config.application_name("rws-kafka-outbox");
    }
    // A server that is gone without a word would else keep its sockets for a quarter of an hour.
    if !is_set("tcp_user_timeout") {
        config.tcp_user_timeout(DEADLINE);
    }
    if !is_set("keepalives_idle") {
        config.keepalives_idle(KEEPALIVE);
    }
    if !is_set("keepalives_interval") {
        config.keepalives_interval(KEEPALIVE / 3);
    }
    Ok(Url { config, ca_file })
}

/// The URL without libpq's parameters for TLS that tokio-postgres does not know, and the file of
/// authorities.
fn without_tls(url: &str) -> Result<(Cow<'_, str>, Option<PathBuf>), OutboxError> {
    // As tokio-postgres does: what is before the first `@` is user and password.
    let after_credentials = url.find('@').unwrap_or(0);
    let Some(query) = url[after_credentials..].find('?') else {
        return Ok((Cow::Borrowed(url), None));
    };
    let (address, query) = url.split_at(after_credentials + query);
    let mut ca_file = None;
    let mut kept = Vec::new();
    for parameter in query[1..].split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", mode)) => kept.push(sslmode(mode)?),
            Some(("sslrootcert", file)) => ca_file = Some(decoded(file)?),
            _ => kept.push(parameter),
        }
    }
    let url = match kept.is_empty() {
        true => address.to_owned(),
        false => format!("{address}?{}", kept.join("&")),
    };
    Ok((Cow::Owned(url), ca_file))
}

fn decoded(value: &str) -> Result<PathBuf, OutboxError> {
    // Percent-decoded by who decodes the others.
    let read: Result<Config, _> = format!("postgres://@/?application_name={value}").parse();
    let config = read.map_err(|_| OutboxError::InvalidDatabaseUrl)?;
    Ok(config.get_application_name().unwrap_or_default().into())
}

/// The parameter as tokio-postgres knows it.
fn sslmode(mode: &str) -> Result<&'static str, OutboxError> {
    match mode {
        "disable" => Ok("sslmode=disable"),
        "prefer" => Ok("sslmode=prefer"),
        // Certificate and name are checked in any case.
        "require" | "verify-ca" | "verify-full" => Ok("sslmode=require"),
        _ => Err(OutboxError::InvalidOption {
            option: "sslmode in the database URL",
            found: mode.to_owned(),
            allowed: "disable, prefer, require, verify-ca, verify-full",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::SslMode;

    fn read(url: &str) -> Url {
        parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn each_mode_of_libpq_that_encrypts_means_require() {
        for (mode, expected) in [
            ("disable", SslMode::Disable),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::Require),
            ("verify-full", SslMode::Require),
        ] {
            let url = read(&format!("postgres://a:p%40?@h/d?sslmode={mode}&options=-c"));
            assert_eq!(url.config.get_ssl_mode(), expected, "{mode}");
            assert_eq!(url.config.get_password(), Some(b"p@?".as_slice()));
            assert_eq!(url.config.get_dbname(), Some("d"));
            assert_eq!(url.config.get_options(), Some("-c"));
        }
        assert_eq!(
            read("postgres://h/d").config.get_ssl_mode(),
            SslMode::Prefer
        );
    }

    #[test]
    fn another_mode_is_named_and_nothing_else_of_the_url() {
        let error = parse("postgres://app:s3cret@h/d?sslmode=allow")
            .err()
            .unwrap();
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("sslmode") && shown.contains("allow"),
            "{shown}"
        );
        assert!(
            shown.contains("verify-full") && !shown.contains("s3cret"),
            "{shown}"
        );
    }

    #[test]
    fn the_file_of_authorities_is_taken_out() {
        let url = read("postgresql://h/d?sslrootcert=%2Fetc%2Fa%20b.pem&sslmode=verify-full");
        assert_eq!(url.ca_file, Some(PathBuf::from("/etc/a b.pem")));
        let url = read("postgres://h/d?sslrootcert=system");
        assert_eq!(url.ca_file, Some(PathBuf::from("system")));
        assert_eq!(read("postgres://h?").ca_file, None);
    }

    #[test]
    fn a_server_that_is_gone_without_a_word_is_found_out() {
        let config = read("postgres://h/d").config;
        assert_eq!(config.get_tcp_user_timeout(), Some(&DEADLINE));
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE);
        assert_eq!(config.get_keepalives_interval(), Some(KEEPALIVE / 3));
        let own = "tcp_user_timeout=5&keepalives_idle=7200&keepalives_interval=7";
        let config = read(&format!("postgres://h/d?{own}")).config;
        let seconds = Duration::from_secs;
        assert_eq!(config.get_tcp_user_timeout(), Some(&seconds(5)));
        assert_eq!(config.get_keepalives_idle(), seconds(7200));
        assert_eq!(config.get_keepalives_interval(), Some(seconds(7)));
    }
}
