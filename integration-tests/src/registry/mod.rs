//! A schema registry in a container, with the API of Confluent's: its life.

mod contents;
mod options;

use std::{fmt, sync::OnceLock};

use testcontainers::{
    ImageExt,
    core::{CopyDataSource, IntoContainerPort},
};

pub use self::options::RegistryOptions;
use crate::{
    certificates::Certificates,
    container::{Container, Image, PortTaken, until_ports_are_free},
    names::free_port,
    properties::properties_text,
};

const IMAGE: Image = Image {
    name: "rws-kafka/registry",
    tag: "3.3.3",
};
/// The port, inside, of the registry itself.
const PLAIN_PORT: u16 = 8080;
/// The port, inside, of what stands in front of it.
const FRONT_PORT: u16 = 8443;
const API: &str = "apis/ccompat/v7";

/// A schema registry in its own container, removed when this value is dropped: Apicurio's, with its
/// API for Confluent's clients.
///
/// Where it is known to differ from Confluent's: `{}` as a schema gives 500 with the code 0, a
/// Protobuf schema that was registered as a base64 descriptor comes back as one, `?subject=` is
/// ignored, `?format=serialized` gives 500, and it gives no GUIDs.
pub struct Registry {
    container: Container,
    plain_port: u16,
    front_port: u16,
    options: RegistryOptions,
    certificates: Certificates,
}

impl Registry {
    /// Returns the open registry that the tests of one binary share, started on first use and
    /// removed when the process ends. Don't stop it: use subjects of your own, or start another
    /// one with [`Registry::start`].
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an open registry.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start() -> Self {
        Self::start_with(RegistryOptions::new())
    }

    /// Starts a registry set up as `options` say.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn start_with(options: RegistryOptions) -> Self {
        let certificates = Certificates::new();
        let registry = until_ports_are_free(|| Self::try_launch(&options, &certificates));
        let (container, plain_port, front_port) = registry;
        let registry = Self {
            container,
            plain_port,
            front_port,
            options,
            certificates,
        };
        registry.wait_until_started();
        registry
    }

    /// Returns the URL for clients: `http(s)://localhost:PORT/apis/ccompat/v7`, the same for its
    /// whole life.
    pub fn url(&self) -> String {
        if !self.options.has_front() {
            return self.plain_url();
        }
        let scheme = match self.options.certificate_host {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://localhost:{}/{API}", self.front_port)
    }

    /// Returns the same registry without TLS and bearer token, whatever [`url`](Self::url) asks
    /// for: for a test's own checks. It may need a password here, too.
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}/{API}", self.plain_port)
    }

    /// Returns the user and the password, if the registry requires them.
    pub fn login(&self) -> Option<(&str, &str)> {
        let login = self.options.login.as_ref();
        login.map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// Returns the token, if the registry requires one.
    pub fn bearer_token(&self) -> Option<&str> {
        self.options.bearer_token.as_deref()
    }

    /// Returns the authorities of a registry started with TLS.
    ///
    /// # Panics
    ///
    /// Panics on a server without TLS.
    pub fn certificates(&self) -> &Certificates {
        assert!(
            self.options.certificate_host.is_some(),
            "{self:?} was started without RegistryOptions::tls"
        );
        &self.certificates
    }

    /// Returns `true` if clients must show a certificate.
    pub fn wants_client_certificates(&self) -> bool {
        self.options.client_certificates
    }

    /// Freezes the registry: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn pause(&self) {
        self.container.pause();
    }

    /// Thaws the registry and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn unpause(&self) {
        self.container.unpause();
        self.container.wait_until_ready(|| self.answers());
    }

    /// Shuts the registry down; what is registered stays. Connections are refused from
    /// then on.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn stop(&self) {
        self.container.stop();
    }

    /// Kills the registry at once; what was registered a moment ago may be lost.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses.
    pub fn kill(&self) {
        self.container.kill();
    }

    /// Starts a stopped registry on the same port, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer in time.
    pub fn restart(&self) {
        self.container.restart();
        self.wait_until_started();
    }

    /// Returns the registry's log, one line per request.
    pub fn logs(&self) -> String {
        self.container.logs()
    }

    fn try_launch(
        options: &RegistryOptions,
        certificates: &Certificates,
    ) -> Result<(Container, u16, u16), PortTaken> {
        let (plain_port, front_port) = (free_port(), free_port());
        let file = |text: String| CopyDataSource::Data(text.into_bytes());
        let mut request = IMAGE
            .request()
            .with_mapped_port(plain_port, PLAIN_PORT.tcp())
            .with_env_var("COMPATIBILITY", &options.compatibility)
            .with_copy_to(
                "/var/lib/rws-kafka/config/application.properties",
                file(properties_text(&options.application_properties())),
            );
        if options.has_front() {
            request = request.with_mapped_port(front_port, FRONT_PORT.tcp());
        }
        if let Some(token) = &options.bearer_token {
            request = request.with_env_var("BEARER_TOKEN", token);
        }
        if let Some(host) = &options.certificate_host {
            let pem = file(certificates.server_pem(host));
            request = request.with_copy_to("/etc/registry/server.pem", pem);
        }
        if options.client_certificates {
            let pem = file(certificates.ca_pem());
            request = request.with_copy_to("/etc/registry/ca.pem", pem);
        }
        let name = format!("the registry at localhost:{plain_port}");
        let container = Container::start(name, IMAGE, request)?;
        Ok((container, plain_port, front_port))
    }

    fn wait_until_started(&self) {
        self.container.wait_until_started(|| self.answers());
    }

    fn answers(&self) -> Result<(), String> {
        match self.try_send("GET", "/subjects", None)? {
            answer if answer.status == 200 => Ok(()),
            answer => Err(format!(
                "it responds with {} {}",
                answer.status, answer.body
            )),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("url", &self.url())
            .field("container", &self.container.id())
            .finish_non_exhaustive()
    }
}
