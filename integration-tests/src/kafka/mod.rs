//! Starts, stops and removes one broker in its container.

mod brokers;
mod cluster;
mod commits;
mod operations;
mod ours;
mod records;
mod setup;
mod spring;
mod tools;

use std::{fmt, ops::Deref, sync::OnceLock, time::Duration};

use rdkafka::consumer::{BaseConsumer, Consumer};

pub(crate) use self::setup::{CA_PEM, SERVER_PEM};
use self::setup::{IMAGE, Member, Setup};
pub use self::{brokers::Brokers, cluster::Cluster, records::TopicRecord};
use crate::{
    certificates::Certificates,
    container::{Container, OPERATION, PortTaken, until_ports_are_free},
    names::free_port,
    sasl::SaslOptions,
};

/// A Kafka broker in its own container, removed when this value is dropped.
///
/// It shares the methods of [`Brokers`] with a [`Cluster`].
pub struct Kafka {
    container: Container,
    id: i32,
    brokers: Brokers,
    inside_bootstrap: String,
    certificates: Option<Certificates>,
}

impl Kafka {
    /// Returns the plain broker that the tests of one binary share, started on first use
    /// and removed when the process ends. Don't stop it: use topics and groups of
    /// your own, or start another one with [`Kafka::start`].
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// As [`shared`](Self::shared), at full speed, for benchmarks: a broker for tests starts in
    /// half the time and runs slower.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared_for_load() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::launch(&Setup {
                protocol: "PLAINTEXT",
                is_for_load: true,
                ..Setup::default()
            })
        })
    }

    /// Starts a plain broker.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a plain broker with more lines in its `server.properties`.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
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

    /// Starts a broker that is back within seconds of a [`kill`](Self::kill). It must not be
    /// paused: its session, after which a killed broker can rejoin, is shorter than a pause.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start_for_kill() -> Self {
        Self::start_with(&[("broker.session.timeout.ms", "6000")])
    }

    /// Starts a broker whose clients need TLS and a password, on certificates and
    /// users made for it.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
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
            ..Setup::default()
        });
        kafka.certificates = Some(certificates);
        kafka
    }

    /// Returns the address for tools [inside](Self::run_class) its container. It works nowhere
    /// else.
    pub fn inside_bootstrap(&self) -> &str {
        &self.inside_bootstrap
    }

    /// Returns the authorities of a broker started with TLS.
    ///
    /// # Panics
    ///
    /// Panics on a plain broker.
    pub fn certificates(&self) -> &Certificates {
        self.certificates
            .as_ref()
            .expect("a broker of Kafka::start_sasl_ssl")
    }

    /// Freezes the broker: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn pause(&self) {
        self.container.pause();
    }

    /// Thaws the broker and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn unpause(&self) {
        self.container.unpause();
        self.container.wait_until_ready(self.knows(&[self.id]));
    }

    /// Shuts the broker down in order; its data stay. Connections are refused from then on.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn stop(&self) {
        self.container.stop();
    }

    /// Kills the broker at once; its data stay. One that was not started
    /// [for that](Self::start_for_kill) needs a minute for its [restart](Self::restart).
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn kill(&self) {
        self.container.kill();
    }

    /// Starts a stopped broker on the same port, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn restart(&self) {
        self.container.restart();
        self.wait_until_started(&[self.id]);
    }

    /// Returns the broker's log.
    pub fn logs(&self) -> String {
        self.container.logs()
    }

    fn launch(setup: &Setup) -> Self {
        let kafka = until_ports_are_free(|| Self::try_launch(setup));
        kafka.wait_until_started(&[kafka.id]);
        kafka
    }

    /// Starts a container and does not wait for its broker.
    fn try_launch(setup: &Setup) -> Result<Self, PortTaken> {
        let (port, internal) = (free_port(), free_port());
        let request = setup.request(port, internal);
        let plain_bootstrap = format!("localhost:{internal}");
        let name = format!("the broker at localhost:{port}");
        let container = Container::start(name, IMAGE, request)?;
        Ok(Self {
            container,
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
        })
    }

    /// Waits until the broker answers after a start, and knows these brokers.
    #[track_caller]
    fn wait_until_started(&self, ids: &[i32]) {
        self.container.wait_until_started(self.knows(ids));
    }

    fn knows(&self, ids: &[i32]) -> impl FnMut() -> Result<(), String> {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        move || {
            let metadata = consumer
                .fetch_metadata(None, Duration::from_secs(1))
                .map_err(|error| error.to_string())?;
            let known: Vec<i32> = metadata.brokers().iter().map(|b| b.id()).collect();
            if ids.iter().all(|id| known.contains(id)) {
                return Ok(());
            }
            Err(format!("it knows only the brokers {known:?} of {ids:?}"))
        }
    }
}

impl Deref for Kafka {
    type Target = Brokers;

    fn deref(&self) -> &Brokers {
        &self.brokers
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("bootstrap", &self.bootstrap())
            .field("container", &self.container.id())
            .finish_non_exhaustive()
    }
}
