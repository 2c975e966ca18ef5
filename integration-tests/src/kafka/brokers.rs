//! How a test on the host reaches one broker or several: by their addresses.

use rdkafka::ClientConfig;

use crate::kcat;

/// What [`Kafka`](crate::Kafka) and [`Cluster`](crate::Cluster) have in common: addresses, and what
/// can be asked of them there.
#[derive(Debug)]
pub struct Brokers {
    bootstrap: String,
    plain_bootstrap: String,
    /// The number of brokers that have a copy of a topic.
    replication: i32,
}

impl Brokers {
    pub(super) fn new(bootstrap: String, plain_bootstrap: String, replication: i32) -> Self {
        Self {
            bootstrap,
            plain_bootstrap,
            replication,
        }
    }

    /// Returns the addresses for clients on the host: `localhost:PORT` of each broker, the
    /// same for its whole life.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    /// Returns a plain listener of each of the same brokers, whatever
    /// [`bootstrap`](Self::bootstrap) asks for, where everything is allowed: for a test's own
    /// checks.
    pub fn plain_bootstrap(&self) -> String {
        self.plain_bootstrap.clone()
    }

    /// Runs [`kcat`](crate::kcat) against the plain listener.
    ///
    /// # Panics
    ///
    /// As [`kcat`](crate::kcat) does.
    #[track_caller]
    pub fn kcat(&self, arguments: &[&str]) -> Vec<u8> {
        self.kcat_with_input(arguments, b"")
    }

    /// Runs [`kcat_with_input`](crate::kcat_with_input) against the plain listener.
    ///
    /// # Panics
    ///
    /// As [`kcat_with_input`](crate::kcat_with_input) does.
    #[track_caller]
    pub fn kcat_with_input(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut all = vec!["-b", &self.plain_bootstrap];
        all.extend(arguments);
        kcat::kcat_with_input(&all, input)
    }

    pub(super) fn replication(&self) -> i32 {
        self.replication
    }

    /// Returns a client configuration for the plain listener.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.plain_bootstrap)
            .set("reconnect.backoff.max.ms", "250")
            .set("log_level", "0");
        config
    }
}
