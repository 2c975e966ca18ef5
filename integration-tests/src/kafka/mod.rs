//! One broker in one container: its life.

mod commits;
mod operations;
mod spring;
mod tools;

use std::{
    fmt,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt, TestcontainersError,
    core::{CopyDataSource, IntoContainerPort},
    runners::AsyncRunner,
};

pub use self::tools::ToolOutput;
use crate::{
    certificates::Certificates,
    kcat,
    names::{free_port, unique},
    reaper::{PROCESS_LABEL, RUN_LABEL, process_label, run_label, watched},
    runtime::{Failure, run},
    sasl::SaslOptions,
};

const IMAGE: &str = "rws-kafka/kafka";
const TAG: &str = "4.1.0";

/// The port, inside, of the listener that clients on the host use.
const HOST_PORT: u16 = 9092;
const EXTRA_PROPERTIES: &str = "/etc/kafka/extra.properties";
pub(crate) const SERVER_PEM: &str = "/etc/kafka/server.pem";
pub(crate) const CA_PEM: &str = "/etc/kafka/ca.pem";

/// For a container to be made or started, and for its broker to answer.
const START: Duration = Duration::from_secs(90);
/// For anything else that is asked of Docker or of a broker.
const OPERATION: Duration = Duration::from_secs(30);
/// How long a broker has to stop by itself.
const GRACE_SECONDS: i32 = 20;

type Container = ContainerAsync<GenericImage>;

/// A Kafka broker in a container of its own, removed when this is dropped.
pub struct Kafka {
    container: Option<Container>,
    port: u16,
    /// A plain listener for the harness and for tools, on the same port inside and outside.
    internal_port: u16,
    certificates: Option<Certificates>,
}

impl Kafka {
    /// The plain broker that the tests of one binary share, started on first use
    /// and removed when the process ends. Don't stop it: use topics and groups of
    /// your own, and [`Kafka::start`] where the broker must suffer.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a plain broker.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a plain broker with more lines in its `server.properties`.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn start_with(properties: &[(&str, &str)]) -> Self {
        let properties: Vec<_> = properties
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self::launch(&Setup {
            protocol: "PLAINTEXT",
            properties,
            ..Setup::default()
        })
    }

    /// Starts a broker that is back within seconds of a [`kill`](Self::kill). It must not be paused:
    /// its session, after which a killed broker is let in again, is shorter than a pause.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn start_for_kill() -> Self {
        Self::start_with(&[("broker.session.timeout.ms", "6000")])
    }

    /// Starts a broker whose clients need TLS and a password, on certificates and
    /// users made for it.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn start_sasl_ssl(options: SaslOptions) -> Self {
        let certificates = Certificates::new();
        let files = vec![
            (SERVER_PEM, options.server_pem(&certificates)),
            (CA_PEM, certificates.ca_pem()),
        ];
        let mut kafka = Self::launch(&Setup {
            protocol: "SASL_SSL",
            properties: options.broker_properties(),
            files,
            scram_users: options.scram_users(),
        });
        kafka.certificates = Some(certificates);
        kafka
    }

    /// Where clients on the host connect: `localhost:PORT`, the same for the broker's whole life.
    pub fn bootstrap(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A plain listener of the same broker, whatever [`bootstrap`](Self::bootstrap) asks
    /// for, where everything is allowed: for a test's own checks.
    pub fn plain_bootstrap(&self) -> String {
        format!("localhost:{}", self.internal_port)
    }

    /// The authorities of a broker started with TLS.
    ///
    /// # Panics
    ///
    /// On a plain broker.
    pub fn certificates(&self) -> &Certificates {
        self.certificates
            .as_ref()
            .expect("a broker of Kafka::start_sasl_ssl")
    }

    /// Freezes the broker: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// When Docker refuses.
    pub fn pause(&self) {
        // The kernel may not get all of a busy container's threads to stand still the first time.
        let end = Instant::now() + OPERATION;
        while let Err(error) = run(OPERATION, || self.container().pause()) {
            assert!(
                Instant::now() < end,
                "cannot pause the broker at {}: {error}",
                self.bootstrap()
            );
        }
    }

    /// Thaws the broker and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn unpause(&self) {
        self.docker("unpause", OPERATION, || self.container().unpause());
        self.wait_until_ready();
    }

    /// Shuts the broker down in order; its data stay. Connections are refused from then on.
    ///
    /// # Panics
    ///
    /// When Docker refuses.
    pub fn stop(&self) {
        self.stop_within(GRACE_SECONDS);
    }

    /// Kills the broker at once; its data stay.
    ///
    /// # Panics
    ///
    /// When Docker refuses.
    pub fn kill(&self) {
        self.stop_within(0);
    }

    /// Starts a stopped broker on the same port, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub fn restart(&self) {
        self.docker("start", START, || self.container().start());
        self.wait_until_ready();
    }

    /// What the broker logged.
    pub fn logs(&self) -> String {
        let logs = run(OPERATION, || async {
            let mut bytes = self.container().stdout_to_vec().await?;
            bytes.extend(self.container().stderr_to_vec().await?);
            Ok::<_, TestcontainersError>(bytes)
        });
        match logs {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(no log: {error})"),
        }
    }

    /// Runs [`kcat`](crate::kcat) against this broker's plain listener.
    ///
    /// # Panics
    ///
    /// As [`kcat`](crate::kcat) does.
    #[track_caller]
    pub fn kcat(&self, arguments: &[&str]) -> Vec<u8> {
        self.kcat_with_input(arguments, b"")
    }

    /// Runs [`kcat_with_input`](crate::kcat_with_input) against this broker's plain listener.
    ///
    /// # Panics
    ///
    /// As [`kcat_with_input`](crate::kcat_with_input) does.
    #[track_caller]
    pub fn kcat_with_input(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let bootstrap = self.plain_bootstrap();
        let mut all = vec!["-b", &bootstrap];
        all.extend(arguments);
        kcat::kcat_with_input(&all, input)
    }

    /// A client configuration for the plain listener.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.plain_bootstrap())
            .set("reconnect.backoff.max.ms", "250")
            .set("log_level", "0");
        config
    }

    fn launch(setup: &Setup) -> Self {
        // Another process may take a port between the choice and the start.
        for _ in 0..5 {
            let (port, internal_port) = (free_port(), free_port());
            let request = setup.request(port, internal_port);
            match watched(|| run(START, || request.start())) {
                Ok(container) => {
                    let kafka = Self {
                        container: Some(container),
                        port,
                        internal_port,
                        certificates: None,
                    };
                    kafka.wait_until_ready();
                    return kafka;
                }
                Err(error) if is_port_conflict(&error) => {}
                Err(error) => panic!(
                    "no container of {IMAGE}:{TAG}: {error}\n\
                     It needs a Docker daemon that answers and the image that \
                     docker/build-images makes; scripts/test sees to both."
                ),
            }
        }
        panic!("no container of {IMAGE}:{TAG}: each port chosen was taken by the time it started");
    }

    fn stop_within(&self, seconds: i32) {
        self.docker("stop", OPERATION, || {
            self.container().stop_with_timeout(Some(seconds))
        });
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + START;
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let mut last_error = String::from("not asked");
        while Instant::now() < end {
            match consumer.fetch_metadata(None, Duration::from_secs(1)) {
                Ok(metadata) if !metadata.brokers().is_empty() => return,
                Ok(_) => "it knows no broker".clone_into(&mut last_error),
                Err(error) => last_error = error.to_string(),
            }
            if let Ok(false) = run(OPERATION, || self.container().is_running()) {
                "its process has ended".clone_into(&mut last_error);
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "the broker at {} is not ready: {last_error}\n{}",
            self.bootstrap(),
            last_lines(&self.logs(), 40)
        );
    }

    fn container(&self) -> &Container {
        self.container.as_ref().expect("present until dropped")
    }

    fn docker<F>(&self, what: &str, deadline: Duration, request: impl FnOnce() -> F + Send)
    where
        F: Future<Output = Result<(), TestcontainersError>>,
    {
        if let Err(error) = run(deadline, request) {
            panic!("cannot {what} the broker at {}: {error}", self.bootstrap());
        }
    }
}

impl Drop for Kafka {
    /// Removes the container, within 30 s; what fails here is left to the reaper.
    fn drop(&mut self) {
        if let Some(container) = self.container.take() {
            let _ = run(OPERATION, || container.rm());
        }
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("bootstrap", &self.bootstrap())
            .field("container", &self.container.as_ref().map(|c| c.id()))
            .finish_non_exhaustive()
    }
}

/// What a container is made with.
#[derive(Default)]
struct Setup {
    protocol: &'static str,
    properties: Vec<(String, String)>,
    files: Vec<(&'static str, String)>,
    scram_users: String,
}

impl Setup {
    fn request(&self, port: u16, internal: u16) -> ContainerRequest<GenericImage> {
        let mut text = String::new();
        for (name, value) in &self.properties {
            text += &format!("{name}={}\n", escaped(value));
        }
        let mut request = GenericImage::new(IMAGE, TAG)
            .with_container_name(unique("rws-kafka-test"))
            .with_label(RUN_LABEL, run_label())
            .with_label(PROCESS_LABEL, process_label())
            .with_startup_timeout(START)
            .with_mapped_port(port, HOST_PORT.tcp())
            .with_mapped_port(internal, internal.tcp())
            .with_env_var(
                "KAFKA_LISTENERS",
                format!("HOST://:{HOST_PORT},INTERNAL://:{internal},CONTROLLER://:9093"),
            )
            .with_env_var(
                "KAFKA_ADVERTISED_LISTENERS",
                format!("HOST://localhost:{port},INTERNAL://localhost:{internal}"),
            )
            .with_env_var(
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                format!(
                    "HOST:{},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
                    self.protocol
                ),
            )
            .with_env_var("SCRAM_USERS", &self.scram_users)
            .with_copy_to(EXTRA_PROPERTIES, CopyDataSource::Data(text.into_bytes()));
        for (path, text) in &self.files {
            request = request.with_copy_to(*path, CopyDataSource::Data(text.clone().into_bytes()));
        }
        request
    }
}

/// A value as a Java properties file spells it.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            ' '..='~' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    text += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    text
}

fn is_port_conflict(error: &Failure<TestcontainersError>) -> bool {
    // The daemon's own words come deep in the chain of causes.
    let text = format!("{error:?}");
    text.contains("port is already allocated") || text.contains("address already in use")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_values_are_spelled_for_java() {
        assert_eq!(escaped(r"a\b"), r"a\\b");
        assert_eq!(escaped("a\nb"), r"a\nb");
        assert_eq!(escaped("é😀"), r"\u00e9\ud83d\ude00");
    }
}
