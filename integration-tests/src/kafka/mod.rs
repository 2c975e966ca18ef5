//! One broker in one container: its life.

mod brokers;
mod cluster;
mod commits;
mod operations;
mod setup;
mod spring;
mod tools;

use std::{
    fmt,
    ops::Deref,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, Consumer};
use testcontainers::{
    ContainerAsync, GenericImage, TestcontainersError,
    bollard::query_parameters::KillContainerOptionsBuilder, core::client::docker_client_instance,
    runners::AsyncRunner,
};

pub(crate) use self::setup::{CA_PEM, SERVER_PEM};
use self::setup::{IMAGE, Member, Setup, TAG};
pub use self::{brokers::Brokers, cluster::Cluster, tools::ToolOutput};
use crate::{
    certificates::Certificates,
    names::free_port,
    reaper::watched,
    runtime::{Failure, run},
    sasl::SaslOptions,
    wait::eventually,
};

/// For a container to be made or started, and for its broker to answer.
const START: Duration = Duration::from_secs(90);
/// For anything else that is asked of Docker or of a broker.
const OPERATION: Duration = Duration::from_secs(30);
/// How long a broker has to stop by itself.
const GRACE_SECONDS: i32 = 20;

type Container = ContainerAsync<GenericImage>;

/// A Kafka broker in a container of its own, removed when this is dropped.
///
/// What it shares with a [`Cluster`] it has from [`Brokers`].
pub struct Kafka {
    container: Option<Container>,
    id: i32,
    brokers: Brokers,
    inside_bootstrap: String,
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
            member: None,
        });
        kafka.certificates = Some(certificates);
        kafka
    }

    /// Where tools [inside](Self::run_class) its container connect; elsewhere it leads nowhere.
    pub fn inside_bootstrap(&self) -> &str {
        &self.inside_bootstrap
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
        self.docker("stop", OPERATION, || {
            self.container().stop_with_timeout(Some(GRACE_SECONDS))
        });
    }

    /// Kills the broker at once; its data stay.
    ///
    /// # Panics
    ///
    /// When Docker refuses.
    pub fn kill(&self) {
        // A stop without a grace would ask first, and a broker tells the others before it is gone.
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        self.docker("kill", OPERATION, || async {
            let docker = docker_client_instance().await?;
            let id = self.container().id();
            let killed = docker.kill_container(id, Some(options)).await;
            killed.map_err(TestcontainersError::other)
        });
        eventually(OPERATION, || {
            run(OPERATION, || self.container().is_running()).is_ok_and(|running| !running)
        });
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

    fn launch(setup: &Setup) -> Self {
        let kafka = until_ports_are_free(|| Self::try_launch(setup));
        kafka.wait_until_ready();
        kafka
    }

    /// Starts a container and does not wait for its broker.
    fn try_launch(setup: &Setup) -> Result<Self, PortTaken> {
        let (port, internal) = (free_port(), free_port());
        let request = setup.request(port, internal);
        let plain_bootstrap = format!("localhost:{internal}");
        match watched(|| run(START, || request.start())) {
            Ok(container) => Ok(Self {
                container: Some(container),
                id: setup
                    .member
                    .as_ref()
                    .map_or(1, |member| Member::id(member.index)),
                inside_bootstrap: match &setup.member {
                    Some(member) => member.bootstrap(),
                    None => plain_bootstrap.clone(),
                },
                brokers: Brokers::new(
                    format!("localhost:{port}"),
                    plain_bootstrap,
                    if setup.member.is_some() {
                        cluster::SIZE
                    } else {
                        1
                    },
                ),
                certificates: None,
            }),
            Err(error) if is_port_conflict(&error) => Err(PortTaken),
            Err(error) => panic!(
                "no container of {IMAGE}:{TAG}: {error}\n\
                 It needs a Docker daemon that answers and the image that \
                 docker/build-images makes; scripts/test sees to both."
            ),
        }
    }

    fn wait_until_ready(&self) {
        self.wait_until_it_knows(&[self.id]);
    }

    /// Waits until the broker answers, and that these brokers are there.
    fn wait_until_it_knows(&self, ids: &[i32]) {
        let end = Instant::now() + START;
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let mut last_error = String::from("not asked");
        while Instant::now() < end {
            match consumer.fetch_metadata(None, Duration::from_secs(1)) {
                Ok(metadata) => {
                    let known: Vec<i32> = metadata.brokers().iter().map(|b| b.id()).collect();
                    if ids.iter().all(|id| known.contains(id)) {
                        return;
                    }
                    last_error = format!("it knows the brokers {known:?}, not all of {ids:?}");
                }
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

impl Deref for Kafka {
    type Target = Brokers;

    fn deref(&self) -> &Brokers {
        &self.brokers
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

/// Another process took a port between the choice and the start.
struct PortTaken;

fn until_ports_are_free<T>(mut launch: impl FnMut() -> Result<T, PortTaken>) -> T {
    for _ in 0..5 {
        if let Ok(launched) = launch() {
            return launched;
        }
    }
    panic!("no container of {IMAGE}:{TAG}: each port chosen was taken by the time it started");
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
