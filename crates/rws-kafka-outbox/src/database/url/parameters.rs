//! The meaning of each parameter of a database URL: libpq's parameters, and those that hosting services, ORMs
//! and drivers of other languages add.

/// How a parameter is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// tokio-postgres reads it.
    Known,
    /// This crate reads it instead of tokio-postgres.
    Ours(Ours),
    /// It is meant for another driver or pool and has no effect here.
    Ignored,
    /// It is not supported, and ignoring it would not be safe.
    Refused(&'static str),
}

/// The parameters that this crate reads itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    SslMode,
    /// `true`, `false` or a mode, as in drivers of other languages.
    Ssl,
    SslRootCert,
    FallbackApplicationName,
    TargetSessionAttrs,
    /// Has another name in tokio-postgres.
    KeepalivesCount,
    ApplicationName,
    /// Says that a pooler keeps no prepared statements.
    Unnamed,
}

use Parameter::{Ignored, Known, Refused};

const CLIENT_CERTIFICATE: &str = "client certificates are not supported";
const GSS: &str = "Kerberos (GSSAPI) is not supported";
const NO_FILES: &str = "write the settings that it refers to into the URL";
const WEAKER: &str = "it is not supported, and ignoring it would weaken TLS";
const RUN_TIME: &str =
    "set session settings with `options`, such as options=-csearch_path%3Dorders";

/// Returns how a parameter is handled; `None` if its name is unknown.
pub(super) fn find(name: &str, value: &str) -> Option<Parameter> {
    Some(match name {
        "user"
        | "password"
        | "dbname"
        | "host"
        | "hostaddr"
        | "port"
        | "options"
        | "application_name"
        | "connect_timeout"
        | "tcp_user_timeout"
        | "keepalives"
        | "keepalives_idle"
        | "keepalives_interval"
        | "keepalives_retries"
        | "channel_binding"
        | "load_balance_hosts" => Known,

        "sslnegotiation" if value == "postgres" => Known,
        "sslnegotiation" => Refused("direct TLS is not supported; allowed: postgres"),

        "sslmode" | "ssl-mode" => Parameter::Ours(Ours::SslMode),
        "ssl" => Parameter::Ours(Ours::Ssl),
        "sslrootcert" | "ssl-root-cert" => Parameter::Ours(Ours::SslRootCert),
        "fallback_application_name" => Parameter::Ours(Ours::FallbackApplicationName),
        "ApplicationName" => Parameter::Ours(Ours::ApplicationName),
        "target_session_attrs" => Parameter::Ours(Ours::TargetSessionAttrs),
        "keepalives_count" => Parameter::Ours(Ours::KeepalivesCount),

        // Of libpq: harmless with these values, most of which are its defaults.
        "gssencmode" if value != "require" => Ignored,
        "sslcertmode" if value != "require" => Ignored,
        "ssl_min_protocol_version" if value != "TLSv1.3" => Ignored,
        "sslcompression"
        | "sslsni"
        | "ssl_max_protocol_version"
        | "client_encoding"
        | "krbsrvname"
        | "gsslib"
        | "gssdelegation"
        | "min_protocol_version"
        | "max_protocol_version" => Ignored,
        // Of libpq: ignoring them would not be safe.
        "sslcert" | "sslkey" | "sslpassword" | "sslcertmode" | "ssl-cert" | "ssl-key"
        | "sslidentity" => Refused(CLIENT_CERTIFICATE),
        "gssencmode" => Refused(GSS),
        "sslcrl"
        | "sslcrldir"
        | "ssl_min_protocol_version"
        | "requiressl"
        | "require_auth"
        | "requirepeer" => Refused(WEAKER),
        "service" | "servicefile" | "passfile" => Refused(NO_FILES),
        "replication" => Refused("an outbox needs an ordinary connection"),

        // How drivers of other languages are told of a pooler that keeps no prepared statements.
        "pgbouncer" if value == "true" => Parameter::Ours(Ours::Unnamed),
        "prepared_statements" if value == "false" => Parameter::Ours(Ours::Unnamed),
        "statement_cache_size"
        | "statement_cache_capacity"
        | "statement-cache-capacity"
        | "prepareThreshold"
        | "preparedStatementCacheQueries"
            if value == "0" =>
        {
            Parameter::Ours(Ours::Unnamed)
        }

        // Of Prisma, and so of Vercel and Supabase.
        "pgbouncer"
        | "connection_limit"
        | "pool_timeout"
        | "schema"
        | "sslaccept"
        | "statement_cache_size"
        | "socket_timeout"
        | "max_idle_connection_lifetime"
        | "max_connection_lifetime"
        | "single_use_connections"
        | "supa"
        | "workaround" => Ignored,
        // Of drivers and pools for the JVM, Node, Python, Ruby, Go and Rust.
        "currentSchema"
        | "prepareThreshold"
        | "preparedStatementCacheQueries"
        | "reWriteBatchedInserts"
        | "sslfactory"
        | "tcpKeepAlive"
        | "socketTimeout"
        | "loginTimeout"
        | "uselibpqcompat"
        | "encoding"
        | "conn_max_age"
        | "pool"
        | "pool_size"
        | "max_overflow"
        | "prepared_statements"
        | "timeout"
        | "reaping_frequency"
        | "checkout_timeout"
        | "binary_parameters"
        | "default_query_exec_mode"
        | "statement_cache_capacity"
        | "statement-cache-capacity"
        | "statement_cache_mode"
        | "pool_max_conns"
        | "pool_min_conns"
        | "pool_max_conn_lifetime"
        | "pool_max_conn_idle_time"
        | "pool_health_check_period" => Ignored,

        "search_path"
        | "statement_timeout"
        | "lock_timeout"
        | "TimeZone"
        | "timezone"
        | "role"
        | "idle_in_transaction_session_timeout" => Refused(RUN_TIME),
        _ => return None,
    })
}
