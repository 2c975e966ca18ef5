use super::failure::{DEADLINE, of_pool, timed_out};
use super::named;
use super::schema::Schema;
use super::tls::{self, Tls};
use super::trust::Trust;
use super::url::{self, Url};
use super::wake::Wake;
use crate::error::OutboxError;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime, Timeouts};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

/// A pool of connections to PostgreSQL, with the schema of the tables. Cheap to clone.
///
/// Threads that may block, such as those of handlers and workers, call [`get`](Self::get). Async code uses
/// deadpool's own pool: `Pool::from` makes a `Pool` of it, and [`as_async`](Self::as_async) returns it.
///
/// ```no_run
/// use rws_kafka_outbox::{Outbox, Pool};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::from_env()?; // DATABASE_URL
/// rws_kafka_outbox::migrate(&pool)?;
///
/// let mut connection = pool.get()?;
/// let mut tx = connection.transaction()?;
/// tx.execute("INSERT INTO orders (id) VALUES ($1)", &[&1_i64])?;
/// Outbox::new(&mut tx).enqueue("orders.created", r#"{"order_id": 1}"#)?;
/// tx.commit()?;
/// # Ok(())
/// # }
/// ```
///
/// # Prepared statements
///
/// A pool with an address of its own examines each new connection, with one query. On a connection that leads to
/// PostgreSQL itself, the [`Outbox`](crate::Outbox) keeps its statement prepared: there the server process that
/// answers has the id that was sent when the connection was opened, and was started for it. Poolers send ids of
/// their own.
///
/// Through a pooler, whatever its kind and mode, and on a pool made by `Pool::from`, the outbox sends the whole
/// statement for each event. This is always safe. If you know that the pooler keeps prepared statements
/// (PgBouncer 1.22 or newer with `max_prepared_statements` above 0, or session mode), use
/// [`with_prepared_statements`](Self::with_prepared_statements).
///
/// Two cases are not detected. Async code may remove the prepared statements of its own connection
/// (`DEALLOCATE ALL`, `DISCARD ALL`): its next transaction with an event fails, and later ones succeed. And
/// pgagroal in transaction mode copies the process ids of its sessions. For these, use
/// [`without_prepared_statements`](Self::without_prepared_statements),
/// [`Outbox::unprepared`](crate::Outbox::unprepared), or `pgbouncer=true` in the URL, which turns the detection
/// off.
#[derive(Clone)]
pub struct Pool {
    inner: deadpool_postgres::Pool,
    schema: Schema,
    wake: Arc<Wake>,
    notifies: bool,
    /// What the user said about prepared statements.
    prepares: Option<bool>,
    /// Opens a connection outside the pool. `None` for a pool made by `Pool::from`.
    origin: Option<Arc<Origin>>,
    trust: Arc<Trust>,
}

/// The settings of a new connection.
pub(crate) struct Origin {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

impl Pool {
    /// Creates a pool for the database in `DATABASE_URL`. If `PGSSLROOTCERT` is set, it names a PEM file with
    /// the certificate authorities; see [`from_url`](Self::from_url).
    ///
    /// # Errors
    ///
    /// [`OutboxError::NoDatabaseUrl`], and the errors of [`from_url`](Self::from_url).
    pub fn from_env() -> Result<Self, OutboxError> {
        let url = std::env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())
            .ok_or(OutboxError::NoDatabaseUrl)?;
        let mut url = url::parse(&url)?;
        let ca_file = url.ca_file.take();
        let ca_file = ca_file.or_else(|| std::env::var_os("PGSSLROOTCERT").map(PathBuf::from));
        Self::new(url, existing(ca_file).as_deref())
    }

    /// Creates a pool of at most 16 connections to the database at `url`. Opens no connection.
    ///
    /// **TLS.** With `sslmode=require`, or if the server offers TLS, the server's certificate and name are
    /// always checked. The authorities are those in `ca_file` (PEM), otherwise those in the file that the
    /// URL's `sslrootcert` names, otherwise the system's. `verify-ca` and `verify-full` mean the same as
    /// `require`. `sslmode=disable` turns TLS off.
    ///
    /// **Timeouts.** A connection fails if the server acknowledges nothing for 30 s, unless the URL has
    /// `tcp_user_timeout` or `keepalives_idle`.
    ///
    /// **Parameters.** Use `?host=/run/postgresql` for a Unix socket. Parameters of libpq, and those that
    /// hosting services and ORMs add (`ssl`, `pgbouncer`, `schema`, `connection_limit`, …), are read. Those
    /// that have no effect here are ignored, with a warning that names them. Blanks around the URL are
    /// ignored.
    ///
    /// **Failover.** After a failover, old connections to a server that accepts no writes are replaced: after
    /// a shutdown, or an error such as `25006` (`read_only_sql_transaction`), each connection is checked
    /// before it is used again. With `target_session_attrs=read-write` in the URL, new connections go to the
    /// host that accepts writes, and each connection is also checked once a second.
    ///
    /// # Errors
    ///
    /// - [`OutboxError::InvalidDatabaseUrl`] if the URL is invalid.
    /// - [`OutboxError::DatabaseUrl`] for a parameter that is unknown or not supported.
    /// - [`OutboxError::InvalidOption`] for an unknown `sslmode` or `target_session_attrs`.
    /// - [`OutboxError::Tls`] if the certificates are unusable.
    pub fn from_url(url: &str, ca_file: Option<&Path>) -> Result<Self, OutboxError> {
        let mut url = url::parse(url)?;
        let in_url = url.ca_file.take();
        Self::new(url, ca_file.or(existing(in_url).as_deref()))
    }

    fn new(url: Url, ca_file: Option<&Path>) -> Result<Self, OutboxError> {
        let Url {
            config, unnamed, ..
        } = url;
        let recycle = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let tls = tls::connector(ca_file, &config)?;
        let manager = Manager::from_config(config.clone(), tls.clone(), recycle);
        let target = config.get_target_session_attrs();
        let trust = Arc::new(Trust::new(target == TargetSessionAttrs::ReadWrite));
        let mut builder = deadpool_postgres::Pool::builder(manager);
        if !unnamed {
            builder = builder.post_create(named::hook());
        }
        let inner = builder
            .max_size(16)
            .post_recycle(trust.hook())
            .timeouts(Timeouts {
                wait: Some(DEADLINE),
                create: Some(DEADLINE),
                recycle: Some(DEADLINE),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OutboxError::Thread {
                detail: error.to_string(),
            })?;
        let mut pool = Self::from(inner);
        pool.origin = Some(Arc::new(Origin { config, tls }));
        pool.trust = trust;
        Ok(pool)
    }

    /// Returns the pool with the same connections, for the tables in `schema`. Default: `rws_kafka`.
    ///
    /// ```no_run
    /// use rws_kafka_outbox::{Pool, Schema};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::from_env()?.with_schema(Schema::new("orders_events")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self.wake = Arc::new(Wake::new());
        self
    }

    /// Notifies relays in other processes of commits, with `NOTIFY`, in the background after each commit. A
    /// relay on this pool also runs `LISTEN`, on one additional connection.
    ///
    /// Without this, relays in other processes see an event at their next poll. A relay on this pool in the
    /// same process is notified in any case.
    ///
    /// The relay's connection needs a session of its own: through PgBouncer in transaction mode it receives
    /// no notification.
    ///
    /// ```no_run
    /// use rws_kafka_outbox::Pool;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::from_env()?.with_notify()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutboxError::CannotListen`] for a pool made by `Pool::from`, which has no address of the database.
    pub fn with_notify(mut self) -> Result<Self, OutboxError> {
        if self.origin.is_none() {
            return Err(OutboxError::CannotListen);
        }
        self.notifies = true;
        Ok(self)
    }

    /// Lets the blocking [`Outbox`](crate::Outbox) prepare its statement once per connection in any case, so
    /// that the database does not parse it again for each event. Async code uses
    /// [`Outbox::prepared`](crate::Outbox::prepared).
    ///
    /// Without this, the outbox does so on the connections on which it has detected that it is safe; see
    /// [Prepared statements](Self#prepared-statements). This is for a pooler that keeps prepared statements, and
    /// for pools made by `Pool::from`, whose connections are not examined.
    ///
    /// Do not use it behind PgBouncer in transaction mode before version 1.21, or with
    /// `max_prepared_statements` at 0: there a connection may have another statement of the same name.
    #[must_use]
    pub fn with_prepared_statements(mut self) -> Self {
        self.prepares = Some(true);
        self
    }

    /// Lets the blocking [`Outbox`](crate::Outbox) prepare no statement, whatever was detected. Async code uses
    /// [`Outbox::unprepared`](crate::Outbox::unprepared).
    #[must_use]
    pub fn without_prepared_statements(mut self) -> Self {
        self.prepares = Some(false);
        self
    }

    pub(crate) fn prepares(&self) -> Option<bool> {
        self.prepares
    }

    /// Notifies relays that events were committed. Returns at once.
    ///
    /// The commit of a blocking [`Transaction`](crate::Transaction) with events does this by itself. Async
    /// code calls it after its commit. Relays that are not notified see the events at their next poll.
    pub fn wake_relays(&self) {
        self.wake.announce();
        if self.notifies {
            self.wake.notify_too(&self.inner, &self.schema);
        }
    }

    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.wake.commits()
    }

    /// Wakes only the relays of this process.
    pub(crate) fn wake_own_relays(&self) {
        self.wake.announce();
    }

    /// Notes what an error implies for the connections of this pool, and returns the outcome.
    pub(crate) fn noting<T>(&self, outcome: Result<T, OutboxError>) -> Result<T, OutboxError> {
        if let Err(error) = &outcome {
            self.heed(error);
        }
        outcome
    }

    pub(crate) fn heed(&self, error: &OutboxError) {
        // The connections of a pool made by `Pool::from` cannot be checked, so the idle ones are replaced.
        if self.trust.heed(error) && self.origin.is_none() {
            self.inner.retain(|_, _| false);
        }
    }

    /// Returns a channel that changes when open connections may lead to the wrong server.
    pub(crate) fn doubts(&self) -> watch::Receiver<u64> {
        self.trust.doubts()
    }

    /// Returns how a relay opens the connection for `LISTEN`; `None` if it is not to listen.
    pub(crate) fn listens(&self) -> Option<Arc<Origin>> {
        self.origin.clone().filter(|_| self.notifies)
    }

    /// Returns the schema with the tables.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns deadpool's pool, for async code.
    pub fn as_async(&self) -> &deadpool_postgres::Pool {
        &self.inner
    }

    pub(crate) async fn connect(&self) -> Result<deadpool_postgres::Client, OutboxError> {
        // A pool made by `Pool::from` may have no deadline.
        match tokio::time::timeout(DEADLINE, self.inner.get()).await {
            Ok(client) => client.map_err(of_pool),
            Err(_) => Err(timed_out("provide a connection")),
        }
    }
}

/// Returns the file that `sslrootcert` or `PGSSLROOTCERT` names, unless it is empty or `system`, which means
/// the system's authorities.
fn existing(ca_file: Option<PathBuf>) -> Option<PathBuf> {
    ca_file.filter(|file| !file.as_os_str().is_empty() && file.as_os_str() != "system")
}

impl From<deadpool_postgres::Pool> for Pool {
    fn from(inner: deadpool_postgres::Pool) -> Self {
        Self {
            inner,
            schema: Schema::default(),
            wake: Arc::new(Wake::new()),
            notifies: false,
            prepares: None,
            origin: None,
            trust: Arc::new(Trust::new(false)),
        }
    }
}

impl From<&Pool> for Pool {
    fn from(pool: &Pool) -> Self {
        pool.clone()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("schema", &self.schema)
            .field("status", &self.inner.status())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rendering_shows_the_password() {
        let pool = Pool::from_url("postgres://app:s3cret@localhost/orders", None).unwrap();
        assert!(!format!("{pool:?}").contains("s3cret"));
        for url in [
            "postgres://app:s3cret@localhost:x/a",
            "s3cret",
            "postgres://a/?s3cret=1",
            "postgres://a/?sslrootcert=%ff&password=s3cret",
        ] {
            let error = Pool::from_url(url, None).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{error} {error:?} {source:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains("postgres://user:password@"), "{shown}");
        }
    }

    #[test]
    fn a_file_of_authorities_that_is_none_is_named() {
        let given = Some(Path::new("/no/such.pem"));
        for (url, ca_file) in [
            ("postgres://localhost", given),
            ("postgres://localhost?sslrootcert=/another.pem", given),
            ("postgres://localhost?sslrootcert=/no/such.pem", None),
        ] {
            let error = Pool::from_url(url, ca_file).unwrap_err();
            assert!(error.to_string().contains("/no/such.pem"), "{error}");
        }
        for none in ["system", ""] {
            let url = format!("postgres://localhost?sslrootcert={none}");
            assert!(Pool::from_url(&url, None).is_ok(), "{none}");
        }
    }
}
