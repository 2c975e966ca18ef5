use super::parse::{KEEPALIVE, Url, parse};
use crate::database::failure::DEADLINE;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};

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

/// Returns the host, the TLS mode and the database of a URL.
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
        // Written by hand, and from libpq's documentation.
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
        // Only an address.
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
        // Pasted with surrounding blanks.
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
            "passfile: write the settings that it refers to into the URL",
        ),
        (
            "postgres://h/d?search_path=orders",
            "options=-csearch_path%3Dorders",
        ),
        (
            "postgres://h/d?sslmod=require",
            "the unknown parameter sslmod: remove it",
        ),
        (
            "postgres://h/d?connect_timeout=soon",
            "an invalid value of connect_timeout",
        ),
        (
            "postgres://h/d?hostaddr=localhost",
            "an invalid value of hostaddr",
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
            "sslnegotiation: direct TLS is not supported",
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

#[test]
fn a_pooler_that_keeps_no_prepared_statements_is_taken_from_the_url() {
    for parameter in [
        "pgbouncer=true",
        "prepared_statements=false",
        "statement_cache_size=0",
        "prepareThreshold=0",
    ] {
        assert!(
            read(&format!("postgres://h/d?{parameter}")).unnamed,
            "{parameter}"
        );
    }
    for parameter in ["", "pgbouncer=false", "statement_cache_size=100"] {
        assert!(
            !read(&format!("postgres://h/d?{parameter}")).unnamed,
            "{parameter}"
        );
    }
}
