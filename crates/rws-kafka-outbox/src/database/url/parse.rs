//! Parses a database URL, and sets defaults for what it omits.

use super::problem::unusable;
use super::query::Query;
use crate::database::failure::DEADLINE;
use crate::error::OutboxError;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);

/// A parsed URL.
pub(in crate::database) struct Url {
    pub(in crate::database) config: Config,
    /// The file with certificate authorities that it names.
    pub(in crate::database) ca_file: Option<PathBuf>,
    /// Set if it says that named prepared statements are not to be used.
    pub(in crate::database) unnamed: bool,
}

/// Parses a URL, or libpq's form `host=… user=…`.
pub(in crate::database) fn parse(text: &str) -> Result<Url, OutboxError> {
    let url = text.trim();
    if url.len() < text.len() {
        tracing::warn!("ignored spaces or line breaks around the database URL");
    }
    let query = Query::of(url)?;
    let mut config: Config = query.url.parse().map_err(|_| query.what_is_wrong())?;
    // An unencoded `@` in the password ends up in the host.
    let hosts = config.get_hosts();
    if hosts
        .iter()
        .any(|host| matches!(host, Host::Tcp(name) if name.contains('@')))
    {
        return Err(OutboxError::InvalidDatabaseUrl);
    }
    if hosts.is_empty() {
        // The server's certificate is checked against this name.
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
    // Unix sockets have no TLS, and libpq ignores sslmode for them.
    if config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket) {
        config.ssl_mode(SslMode::Disable);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(DEADLINE / 3);
    }
    if config.get_application_name().is_none() {
        let name = query.fallback_name.as_deref();
        config.application_name(name.unwrap_or("rws-kafka-outbox"));
    }
    let is_set = |name: &str| query.url.contains(&format!("{name}="));
    // Otherwise the sockets to a server that disappeared would stay open for a quarter of an hour.
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
        ca_file: query.ca_file,
        unnamed: query.unnamed,
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
