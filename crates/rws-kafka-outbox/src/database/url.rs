//! What the URL of a database says beyond what tokio-postgres reads.

use super::failure::DEADLINE;
use super::parameters::{self, Ours, Parameter};
use crate::error::OutboxError;
use rws_kafka_observe::text::printable;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

const KEEPALIVE: Duration = Duration::from_secs(30);

/// A URL that was read.
pub(super) struct Url {
    pub(super) config: Config,
    /// The file of authorities that it names.
    pub(super) ca_file: Option<PathBuf>,
}

/// Reads a URL, or libpq's `host=… user=…`.
pub(super) fn parse(text: &str) -> Result<Url, OutboxError> {
    let url = text.trim();
    if url.len() < text.len() {
        tracing::warn!("ignored blanks or line breaks around the database URL");
    }
    let read = Read::of(url)?;
    let mut config: Config = read.url.parse().map_err(|_| read.what_is_wrong())?;
    // A password with an `@` that is not encoded ends up here.
    let hosts = config.get_hosts();
    if hosts
        .iter()
        .any(|host| matches!(host, Host::Tcp(name) if name.contains('@')))
    {
        return Err(OutboxError::InvalidDatabaseUrl);
    }
    if hosts.is_empty() {
        // The name that the server's certificate is checked by.
        let addresses = config.get_hostaddrs().to_vec();
        for address in &addresses {
            config.host(address.to_string());
        }
        if addresses.is_empty() {
            return Err(unusable(
                "names no host: add one, or the folder of a Unix socket as ?host=/run/postgresql",
            ));
        }
    }
    // There is no TLS on them, and libpq ignores sslmode there.
    if config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket) {
        config.ssl_mode(SslMode::Disable);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(DEADLINE / 3);
    }
    if config.get_application_name().is_none() {
        let name = read.fallback_name.as_deref();
        config.application_name(name.unwrap_or("rws-kafka-outbox"));
    }
    let is_set = |name: &str| read.url.contains(&format!("{name}="));
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
    Ok(Url {
        config,
        ca_file: read.ca_file,
    })
}

#[cfg(unix)]
fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_socket(_: &Host) -> bool {
    false
}

fn unusable(problem: impl Into<String>) -> OutboxError {
    OutboxError::DatabaseUrl {
        problem: problem.into(),
    }
}

/// A URL with the parameters that tokio-postgres knows, and what the others say.
#[derive(Default)]
struct Read {
    url: String,
    parameters: Vec<String>,
    sslmode: Option<&'static str>,
    /// What `ssl` says; `sslmode` says it better.
    ssl: Option<&'static str>,
    ca_file: Option<PathBuf>,
    fallback_name: Option<String>,
    ignored: Vec<String>,
}

impl Read {
    fn of(url: &str) -> Result<Self, OutboxError> {
        check_scheme(url)?;
        // libpq's other form, `host=… password=…`, has no query; a password in it may look like one.
        let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_url {
            return Ok(Self {
                url: url.to_owned(),
                ..Self::default()
            });
        }
        // As tokio-postgres does: what is before the first `@` is user and password.
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
                "ignored parameters of the database URL, which change nothing here"
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

    /// Why tokio-postgres does not read it: the parameter with a bad value, if it is one.
    fn what_is_wrong(&self) -> OutboxError {
        let is_bad = |parameter: &&String| {
            let alone = format!("postgres://@/?{parameter}");
            alone.parse::<Config>().is_err()
        };
        let bad = self.parameters.iter().find(is_bad);
        match bad.and_then(|parameter| parameter.split_once('=')) {
            Some((name, _)) => unusable(format!("has a value of {name} that it cannot have")),
            None => OutboxError::InvalidDatabaseUrl,
        }
    }
}

/// Refuses the schemes of other drivers by name.
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

/// Names a parameter, unless it may be a part of a password.
fn unknown(name: &str, query: &str) -> OutboxError {
    let is_name = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    let may_be_secret = query.contains('@') || query.contains("password=");
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_name) || may_be_secret {
        return OutboxError::InvalidDatabaseUrl;
    }
    unusable(format!(
        "has the parameter {name}, which is not known: remove it, or correct its name"
    ))
}

fn decoded(value: &str) -> Result<String, OutboxError> {
    // Percent-decoded by who decodes the others.
    let read: Result<Config, _> = format!("postgres://@/?application_name={value}").parse();
    let config = read.map_err(|_| OutboxError::InvalidDatabaseUrl)?;
    Ok(config.get_application_name().unwrap_or_default().to_owned())
}

/// The mode as tokio-postgres knows it.
fn sslmode(mode: &str) -> Result<&'static str, OutboxError> {
    match mode {
        "disable" => Ok("disable"),
        "prefer" => Ok("prefer"),
        // Certificate and name are checked in any case.
        "require" | "verify-ca" | "verify-full" => Ok("require"),
        _ => Err(OutboxError::InvalidOption {
            option: "sslmode in the database URL",
            found: printable(mode).into_owned(),
            allowed: "disable, prefer, require, verify-ca, verify-full",
        }),
    }
}

/// The kind of server as tokio-postgres knows it; one that is read-only by its setting takes no events,
/// so a primary must also be writable.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

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

    /// What a URL comes to: where to, and by which TLS.
    fn target(url: &str) -> String {
        let config = match parse(url) {
            Ok(url) => url.config,
            Err(error) => return format!("error: {error}"),
        };
        let hosts: Vec<_> = config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        format!(
            "{} {:?} {}",
            hosts.join(","),
            config.get_ssl_mode(),
            config.get_dbname().unwrap_or("-")
        )
    }

    #[test]
    fn urls_that_are_handed_out_are_read() {
        for (url, expected) in [
            // By hand, and by libpq's documentation.
            ("postgres://h/d", "h Prefer d"),
            ("postgresql://h", "h Prefer -"),
            ("postgres://a@h:5433/d", "h Prefer d"),
            ("postgres://a:p%40%2F%3F%23@h/d", "h Prefer d"),
            ("postgres://a:p@[::1]:5432/d", "::1 Prefer d"),
            (
                "postgres://a:p@h1:1,h2:2/d?target_session_attrs=read-write",
                "h1,h2 Prefer d",
            ),
            (
                "postgres://a:p@h1,h2/d?target_session_attrs=primary",
                "h1,h2 Prefer d",
            ),
            (
                "postgres://a:p@h1,h2/d?target_session_attrs=any&load_balance_hosts=random",
                "h1,h2 Prefer d",
            ),
            (
                "postgres://h/d?connect_timeout=10&application_name=x",
                "h Prefer d",
            ),
            ("postgres://h/d?fallback_application_name=x", "h Prefer d"),
            (
                "postgres://h/d?gssencmode=disable&sslcompression=0&sslsni=1",
                "h Prefer d",
            ),
            (
                "postgres://h/d?gssencmode=prefer&krbsrvname=postgres",
                "h Prefer d",
            ),
            (
                "postgres://h/d?client_encoding=utf8&keepalives_count=3",
                "h Prefer d",
            ),
            (
                "postgres://h/d?ssl_min_protocol_version=TLSv1.2&sslcertmode=disable",
                "h Prefer d",
            ),
            (
                "postgres://h/d?options=-csearch_path%3Dorders",
                "h Prefer d",
            ),
            ("postgres://h/d?", "h Prefer d"),
            ("postgres://h/d?sslmode=require&", "h Require d"),
            ("host=h user=a dbname=d", "h Prefer d"),
            // Unix sockets.
            (
                "postgres://postgres@/postgres?host=/run/postgresql",
                "/run/postgresql Disable postgres",
            ),
            (
                "postgres://postgres@/postgres?host=%2Frun%2Fpostgresql&sslmode=disable",
                "/run/postgresql Disable postgres",
            ),
            (
                "postgres://postgres@%2Frun%2Fpostgresql/postgres?sslmode=require",
                "/run/postgresql Disable postgres",
            ),
            (
                "host=/run/postgresql user=postgres",
                "/run/postgresql Disable -",
            ),
            // An address alone.
            ("postgres://a@/d?hostaddr=10.0.0.7", "10.0.0.7 Prefer d"),
            (
                "postgres://a@/d?hostaddr=10.0.0.7&sslmode=disable",
                "10.0.0.7 Disable d",
            ),
            ("postgres://a@h/d?hostaddr=10.0.0.7", "h Prefer d"),
            // Heroku.
            (
                "postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d",
                "ec2-1-2-3-4.compute-1.amazonaws.com Prefer d",
            ),
            (
                "postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d?sslmode=require",
                "ec2-1-2-3-4.compute-1.amazonaws.com Require d",
            ),
            ("postgres://u:p@h:5432/d?ssl=true", "h Require d"),
            (
                "postgres://u:p@h:5432/d?ssl=true&sslmode=disable",
                "h Disable d",
            ),
            ("postgres://u:p@h:5432/d?ssl=false", "h Disable d"),
            ("postgres://u:p@h:5432/d?ssl=verify-full", "h Require d"),
            // RDS.
            (
                "postgres://u:p@x.eu-central-1.rds.amazonaws.com:5432/d?sslmode=verify-full&sslrootcert=/certs/global-bundle.pem",
                "x.eu-central-1.rds.amazonaws.com Require d",
            ),
            // Neon.
            (
                "postgresql://u:p@ep-cool-1234.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
                "ep-cool-1234.eu-central-1.aws.neon.tech Require neondb",
            ),
            (
                "postgresql://u:p@ep-cool-1234-pooler.aws.neon.tech/neondb?sslmode=require&options=endpoint%3Dep-cool-1234",
                "ep-cool-1234-pooler.aws.neon.tech Require neondb",
            ),
            (
                "postgres://u:p@ep-x.neon.tech/neondb?sslmode=require&pgbouncer=true&connect_timeout=15&pool_timeout=15",
                "ep-x.neon.tech Require neondb",
            ),
            // Supabase.
            (
                "postgresql://postgres.ref:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
                "aws-0-eu-central-1.pooler.supabase.com Prefer postgres",
            ),
            (
                "postgres://postgres.ref:p@aws-0-eu.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x&workaround=supabase-pooler.vercel",
                "aws-0-eu.pooler.supabase.com Require postgres",
            ),
            // Cloud SQL.
            (
                "postgresql://u:p@/d?host=/cloudsql/project:europe-west1:instance",
                "/cloudsql/project:europe-west1:instance Disable d",
            ),
            (
                "postgresql://u:p@127.0.0.1:5432/d?sslmode=disable",
                "127.0.0.1 Disable d",
            ),
            // Prisma.
            (
                "postgresql://u:p@localhost:5432/d?schema=public",
                "localhost Prefer d",
            ),
            (
                "postgresql://u:p@localhost:5432/d?schema=public&connection_limit=5&socket_timeout=3",
                "localhost Prefer d",
            ),
            (
                "postgresql://u:p@localhost:5432/d?statement_cache_size=0&sslaccept=strict",
                "localhost Prefer d",
            ),
            // Azure, DigitalOcean, Fly, CockroachDB, and pools of other languages.
            (
                "postgres://app%40server:p@server.postgres.database.azure.com:5432/d?sslmode=require",
                "server.postgres.database.azure.com Require d",
            ),
            (
                "postgresql://doadmin:p@db-do-user.b.db.ondigitalocean.com:25060/d?sslmode=require",
                "db-do-user.b.db.ondigitalocean.com Require d",
            ),
            (
                "postgres://u:p@top2.nearest.of.db.internal:5432/d?sslmode=disable",
                "top2.nearest.of.db.internal Disable d",
            ),
            (
                "postgresql://u:p@free-tier.cockroachlabs.cloud:26257/d?sslmode=verify-full&options=--cluster%3Dx-1",
                "free-tier.cockroachlabs.cloud Require d",
            ),
            (
                "postgres://u:p@h/d?pool_max_conns=10&statement_cache_capacity=0",
                "h Prefer d",
            ),
            (
                "postgres://u:p@h/d?pool=5&prepared_statements=false&encoding=utf8",
                "h Prefer d",
            ),
            (
                "postgresql://h/d?user=u&password=p&currentSchema=orders&ApplicationName=x",
                "h Prefer d",
            ),
            (
                "postgres://h/d?ssl-mode=require&statement-cache-capacity=10",
                "h Require d",
            ),
            // Pasted with what surrounded it.
            (" postgres://h/d\n", "h Prefer d"),
        ] {
            assert_eq!(target(url), expected, "{url:?}");
        }
    }

    #[test]
    fn no_part_of_a_password_is_taken_for_a_parameter() {
        for url in [
            "host=h user=a password=abc?Secret",
            "host=h password=a?Secret sslmode=require",
            "host=h password=a?Secret&b=c",
        ] {
            assert!(target(url).starts_with("h "), "{url}: {}", target(url));
        }
        for url in [
            "postgres://h/d?user=u&password=abc&Secret",
            "postgres://h/d?Secret&password=abc",
        ] {
            let shown = target(url);
            assert!(!shown.contains("Secret"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        for (url, expected) in [
            (
                "postgres://h/d?sslcert=/c.pem",
                "sslcert: client certificates are not supported",
            ),
            (
                "postgres://h/d?sslkey=/k.pem",
                "sslkey: client certificates are not supported",
            ),
            (
                "postgres://h/d?gssencmode=require",
                "gssencmode: Kerberos (GSSAPI) is not supported",
            ),
            (
                "postgres://h/d?sslcrl=/crl.pem",
                "sslcrl: it is not supported, and ignoring it would weaken TLS",
            ),
            (
                "postgres://h/d?ssl_min_protocol_version=TLSv1.3",
                "ssl_min_protocol_version: it is not",
            ),
            (
                "postgres://h/d?passfile=/p",
                "passfile: write what it stands for into the URL",
            ),
            (
                "postgres://h/d?search_path=orders",
                "options=-csearch_path%3Dorders",
            ),
            (
                "postgres://h/d?sslmod=require",
                "the parameter sslmod, which is not known",
            ),
            (
                "postgres://h/d?connect_timeout=soon",
                "a value of connect_timeout that it cannot have",
            ),
            (
                "postgres://h/d?hostaddr=localhost",
                "a value of hostaddr that it cannot have",
            ),
            (
                "postgres://h/d?target_session_attrs=standby",
                "target_session_attrs in the database URL is standby",
            ),
            (
                "postgres://h/d?ssl=no-verify",
                "sslmode in the database URL is no-verify; allowed: disable",
            ),
            (
                "postgres://h/d?sslmode=require&sslnegotiation=direct",
                "sslnegotiation: TLS begins as before PostgreSQL 17",
            ),
            ("postgres:///d", "names no host"),
            ("jdbc:postgresql://h/d", "begins with jdbc:postgresql"),
            ("postgresql+psycopg2://u:p@h/d", "begins with postgresql+"),
            ("mysql://u:p@h/d", "allowed: postgres://user:password@host"),
            ("", "names no host"),
        ] {
            let shown = target(url);
            assert!(
                shown.starts_with("error: ") && shown.contains(expected),
                "{url}: {shown}"
            );
        }
    }

    #[test]
    fn a_part_of_a_password_is_not_taken_for_a_parameter() {
        for url in [
            "postgres://app:p@s?secret=x@h/d",
            "postgres://app:p@s?secret@h/d",
            "postgres://app:p@secret@h/d",
        ] {
            let shown = target(url);
            assert!(!shown.contains("secret"), "{shown}");
            assert!(shown.contains("percent-encoded"), "{shown}");
        }
    }

    #[test]
    fn the_names_of_the_application_and_the_file_of_authorities_are_read() {
        let url = read("postgres://h/d?fallback_application_name=a%20b");
        assert_eq!(url.config.get_application_name(), Some("a b"));
        let url = read("postgres://h/d?fallback_application_name=a&application_name=c");
        assert_eq!(url.config.get_application_name(), Some("c"));
        let url = read("postgres://h/d?ssl-root-cert=/ca.pem&ssl=true");
        assert_eq!(url.ca_file.as_deref(), Some(Path::new("/ca.pem")));
        assert_eq!(url.config.get_ssl_mode(), SslMode::Require);
    }
}
