//! PostgreSQL in a container, with PgBouncer in front of it.

use std::{fmt, sync::OnceLock};

use testcontainers::{
    ImageExt,
    core::{CopyDataSource, ExecCommand, IntoContainerPort},
};

use crate::{
    certificates::Certificates,
    container::{Container, Image, PortTaken, ToolOutput, until_ports_are_free},
    names::{free_port, unique},
};

const IMAGE: Image = Image {
    name: "rws-kafka/postgres",
    tag: "15",
};
const PORT: u16 = 5432;
const POOLER_PORT: u16 = 6432;

/// A PostgreSQL server in its own container, removed when this value is dropped, with
/// PgBouncer in transaction mode in front of it.
pub struct Postgres {
    container: Container,
    port: u16,
    pooler_port: u16,
    certificates: Option<Certificates>,
}

impl Postgres {
    /// Returns the server that the tests of one binary share, started on first use and removed when
    /// the process ends. Don't stop it: use [databases](Self::create_database) of your own, or
    /// start another one with [`Postgres::start`].
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server without TLS.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Starts a server with TLS, on a certificate for `host`.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start_tls(host: &str) -> Self {
        Self::launch(Some(host))
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses.
    pub fn create_database(&self) -> String {
        let name = unique("db").replace('-', "_");
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Returns the URL of the same database with `other` as its second host. Clients connect to
    /// the one that accepts writes.
    pub fn or_on(&self, url: &str, other: &Self) -> String {
        let first = format!("localhost:{}", self.port);
        let both = format!("{first},localhost:{}", other.port);
        url.replace(&first, &both) + "?target_session_attrs=read-write"
    }

    /// Creates an empty database of the same name, and returns its URL.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses.
    pub fn create_database_as(&self, url: &str) -> String {
        let name = url.rsplit('/').next().unwrap_or(url);
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    /// Returns the URL of the same database for another role, whose password is `secret`.
    pub fn as_role(&self, url: &str, role: &str) -> String {
        url.replace("postgres:secret@", &format!("{role}:secret@"))
    }

    /// Returns the same database through PgBouncer.
    pub fn pooled(&self, url: &str) -> String {
        url.replace(
            &format!("localhost:{}", self.port),
            &format!("localhost:{}", self.pooler_port),
        )
    }

    /// Runs SQL in the database of `url`, or of this name, and returns its output, one line per
    /// row.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let output = self.try_psql(url, sql);
        assert!(output.code == 0, "{sql}: {}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Returns the authorities of a server started with TLS.
    ///
    /// # Panics
    ///
    /// Panics on a server without TLS.
    pub fn certificates(&self) -> &Certificates {
        self.certificates
            .as_ref()
            .expect("a server of Postgres::start_tls")
    }

    /// Kills the server at once; what is committed stays.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn kill(&self) {
        self.container.kill();
    }

    /// Starts a killed server on the same ports, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn restart(&self) {
        self.container.restart();
        self.wait_until_started();
    }

    /// Kills the server and starts it on the same ports as a standby of no primary, which takes no
    /// writes until it is promoted (`SELECT pg_promote()`).
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn restart_as_standby(&self) {
        let command = ExecCommand::new(["touch", "/var/lib/rws-kafka/data/standby.signal"]);
        let output = self.container.run("touch standby.signal", command);
        assert!(output.code == 0, "{}", output.stderr);
        self.kill();
        self.restart();
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:secret@localhost:{}/{database}",
            self.port
        )
    }

    fn try_psql(&self, url: &str, sql: &str) -> ToolOutput {
        let database = url.rsplit('/').next().unwrap_or(url);
        self.container
            .run(&format!("psql: {sql}"), psql(database, sql))
    }

    fn launch(host: Option<&str>) -> Self {
        let certificates = host.map(|_| Certificates::new());
        let postgres = until_ports_are_free(|| {
            let (port, pooler_port) = (free_port(), free_port());
            let mut request = IMAGE
                .request()
                .with_mapped_port(port, PORT.tcp())
                .with_mapped_port(pooler_port, POOLER_PORT.tcp());
            if let (Some(host), Some(certificates)) = (host, &certificates) {
                let pem = CopyDataSource::Data(certificates.server_pem(host).into_bytes());
                request = request.with_copy_to("/etc/rws-kafka/server.pem", pem);
            }
            let name = format!("PostgreSQL at localhost:{port}");
            let container = Container::start(name, IMAGE, request)?;
            Ok::<_, PortTaken>((container, port, pooler_port))
        });
        let (container, port, pooler_port) = postgres;
        let postgres = Self {
            container,
            port,
            pooler_port,
            certificates,
        };
        postgres.wait_until_started();
        postgres
    }

    fn wait_until_started(&self) {
        self.container.wait_until_started(|| {
            let answer = self.container.try_run(psql("postgres", "SELECT 1"))?;
            if answer.code == 0 {
                return Ok(());
            }
            Err(answer.stderr)
        });
    }
}

fn psql(database: &str, sql: &str) -> ExecCommand {
    let command = ["psql", "-h", "/tmp", "-U", "postgres", "-d", database]
        .into_iter()
        .chain(["-v", "ON_ERROR_STOP=1", "-qAtc", sql]);
    ExecCommand::new(command)
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("port", &self.port)
            .field("container", &self.container.id())
            .finish_non_exhaustive()
    }
}
