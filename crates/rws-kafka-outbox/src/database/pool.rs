use super::failure::{DEADLINE, of_pool, timed_out};
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

/// Connections to PostgreSQL, and the schema with the tables. Cheap to clone.
///
/// For handlers and workers, whose threads may block: [`get`](Self::get). Async code uses
/// deadpool's own pool, of which this can be made by `Pool::from`.
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
#[derive(Clone)]
pub struct Pool {
    inner: deadpool_postgres::Pool,
    schema: Schema,
    wake: Arc<Wake>,
    notifies: bool,
    prepares: bool,
    /// How a connection outside the pool is made; a pool that was given does not tell.
    origin: Option<Arc<Origin>>,
    trust: Arc<Trust>,
}

/// How connections are made.
pub(crate) struct Origin {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

impl Pool {
    /// The database that `DATABASE_URL` names, with the authorities in the PEM file that
    /// `PGSSLROOTCERT` names, if it does; see [`from_url`](Self::from_url).
    ///
    /// # Errors
    ///
    /// [`OutboxError::NoDatabaseUrl`], and those of [`from_url`](Self::from_url).
    pub fn from_env() -> Result<Self, OutboxError> {
        let url = std::env::var("DATABASE_URL")
            .ok()
            .filter(|url| !url.is_empty())
            .ok_or(OutboxError::NoDatabaseUrl)?;
        let Url { config, ca_file } = url::parse(&url)?;
        let ca_file = ca_file.or_else(|| std::env::var_os("PGSSLROOTCERT").map(PathBuf::from));
        Self::new(config, named(ca_file).as_deref())
    }

    /// The database at `url`; makes no connection yet.
    ///
    /// With `sslmode=require`, or where the server offers TLS, its certificate and name are always
    /// checked: by the authorities in `ca_file` (PEM), else in the file that `sslrootcert` in the URL
    /// names, else by the system's. `verify-ca` and `verify-full` are the same as `require`,
    /// `sslmode=disable` does without. At most 16 connections. A server that acknowledges nothing for
    /// 30 s is given up, unless the URL has `tcp_user_timeout` or `keepalives_idle`.
    ///
    /// A Unix socket is `?host=/run/postgresql`. Parameters of libpq and those that hosting services and
    /// ORMs add (`ssl`, `pgbouncer`, `schema`, `connection_limit`, …) are read, or ignored with a warning
    /// that names them where they change nothing here. Blanks around the URL are ignored, too.
    ///
    /// After a failover a connection that was made before is replaced when its server takes no writes:
    /// after an error such as `25006` (`read_only_sql_transaction`) or a shutdown each is asked before it
    /// is used again. With `target_session_attrs=read-write` in the URL, which has a new connection go to
    /// the one of several hosts that takes writes, each is asked once a second besides.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidDatabaseUrl`], [`OutboxError::DatabaseUrl`] for a parameter that is not known
    /// or cannot be done, [`OutboxError::InvalidOption`] for another `sslmode` or
    /// `target_session_attrs`, [`OutboxError::Tls`].
    pub fn from_url(url: &str, ca_file: Option<&Path>) -> Result<Self, OutboxError> {
        let Url {
            config,
            ca_file: in_url,
        } = url::parse(url)?;
        Self::new(config, ca_file.or(named(in_url).as_deref()))
    }

    fn new(config: Config, ca_file: Option<&Path>) -> Result<Self, OutboxError> {
        let recycle = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let tls = tls::connector(ca_file, &config)?;
        let manager = Manager::from_config(config.clone(), tls.clone(), recycle);
        let target = config.get_target_session_attrs();
        let trust = Arc::new(Trust::new(target == TargetSessionAttrs::ReadWrite));
        let inner = deadpool_postgres::Pool::builder(manager)
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

    /// The same connections, for the tables in `schema`; `rws_kafka` when it is not called.
    #[must_use]
    pub fn with_schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self.wake = Arc::new(Wake::new());
        self
    }

    /// Has relays in other processes told of commits by `NOTIFY`, in the background after them, and
    /// a relay on this pool `LISTEN`, on one connection more. Without it they see an event when they
    /// next look; a relay on this pool in this process is told at once in any case.
    ///
    /// The relay's connection needs a session of its own: not one of PgBouncer in transaction mode,
    /// where it would hear nothing.
    ///
    /// # Errors
    ///
    /// [`OutboxError::CannotListen`] for a pool that was made by `Pool::from`, which does not tell
    /// where its database is.
    pub fn with_notify(mut self) -> Result<Self, OutboxError> {
        if self.origin.is_none() {
            return Err(OutboxError::CannotListen);
        }
        self.notifies = true;
        Ok(self)
    }

    /// Has the blocking [`Outbox`](crate::Outbox) prepare its statement once for a connection, which
    /// spares the database to parse it for each event; async code has
    /// [`Outbox::prepared`](crate::Outbox::prepared).
    ///
    /// Not behind PgBouncer in transaction mode before 1.21, or with its `max_prepared_statements` at 0:
    /// there another connection's statement of the same name would be met.
    #[must_use]
    pub fn with_prepared_statements(mut self) -> Self {
        self.prepares = true;
        self
    }

    pub(crate) fn prepares(&self) -> bool {
        self.prepares
    }

    /// Tells relays that events were committed. Returns at once.
    ///
    /// The commit of a blocking [`Transaction`](crate::Transaction) with events does it by itself; async code calls it
    /// after its commit. Relays that are not told see the events when they next look.
    pub fn wake_relays(&self) {
        self.wake.announce();
        if self.notifies {
            self.wake.notify_too(&self.inner, &self.schema);
        }
    }

    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.wake.commits()
    }

    /// Wakes the relays of this process alone.
    pub(crate) fn wake_own_relays(&self) {
        self.wake.announce();
    }

    /// Notes what an error says about the connections of this pool, and returns the outcome.
    pub(crate) fn noting<T>(&self, outcome: Result<T, OutboxError>) -> Result<T, OutboxError> {
        if let Err(error) = &outcome {
            self.heed(error);
        }
        outcome
    }

    pub(crate) fn heed(&self, error: &OutboxError) {
        // The connections of a pool that was given cannot be asked: those at rest are replaced.
        if self.trust.heed(error) && self.origin.is_none() {
            self.inner.retain(|_, _| false);
        }
    }

    /// Changes when the connections that are open may lead to the wrong server.
    pub(crate) fn doubts(&self) -> watch::Receiver<u64> {
        self.trust.doubts()
    }

    /// How a relay makes the connection that it listens on; `None` unless it is to listen.
    pub(crate) fn listens(&self) -> Option<Arc<Origin>> {
        self.origin.clone().filter(|_| self.notifies)
    }

    /// The schema with the tables.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// deadpool's pool, for async code.
    pub fn as_async(&self) -> &deadpool_postgres::Pool {
        &self.inner
    }

    pub(crate) async fn connect(&self) -> Result<deadpool_postgres::Client, OutboxError> {
        // A pool that was given may have no deadline of its own.
        match tokio::time::timeout(DEADLINE, self.inner.get()).await {
            Ok(client) => client.map_err(of_pool),
            Err(_) => Err(timed_out("give a connection")),
        }
    }
}

/// The file that `sslrootcert` or `PGSSLROOTCERT` names; `system` means the system's authorities.
fn named(ca_file: Option<PathBuf>) -> Option<PathBuf> {
    ca_file.filter(|file| !file.as_os_str().is_empty() && file.as_os_str() != "system")
}

impl From<deadpool_postgres::Pool> for Pool {
    fn from(inner: deadpool_postgres::Pool) -> Self {
        Self {
            inner,
            schema: Schema::default(),
            wake: Arc::new(Wake::new()),
            notifies: false,
            prepares: false,
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
