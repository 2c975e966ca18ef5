use crate::text::printable;
use serde::Serialize;
use std::fmt;

/// Whether the broker answered the last probe of a producer or consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BrokerState {
    /// It answered.
    Ok,
    /// It did not answer in time, refused the credentials, or was not asked yet.
    #[default]
    Unreachable,
}

impl fmt::Display for BrokerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
        })
    }
}

/// What keeps a consumer from its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerState {
    /// Nothing does: it works, or has nothing to do.
    Ok,
    /// It has work and has committed nothing for the lag timeout, or has ended with an error.
    Stalled,
    /// Its group is between two assignments, or it has not joined yet.
    Rebalancing,
    /// A topic that it subscribes to does not exist.
    MissingTopic,
}

/// What keeps an outbox relay from its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// Nothing does: it works, or has nothing to do.
    Ok,
    /// It has events and has published none for the stall timeout, or has ended with an error.
    Stalled,
    /// Its database lets no event be deleted, so it sends none: the server is read-only, as after a
    /// failover, or the role lacks a privilege.
    CannotDelete,
}

/// What is known of the brokers of several parts together.
/// In order: the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Brokers {
    Ok,
    /// Not asked yet, or not all that a start needs has come back.
    Starting,
    Unreachable,
}

/// The answer of `/readyz`: what the background probes last found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub(crate) producer: Option<BrokerState>,
    pub(crate) consumer: Option<ConsumerState>,
    pub(crate) consumer_brokers: Option<Brokers>,
    pub(crate) consumer_lag: Option<u64>,
    pub(crate) outbox: Option<OutboxState>,
    /// A certificate, credential, permission or setting that is wrong.
    pub(crate) cause: Option<String>,
    pub(crate) server_is_ready: bool,
}

impl Readiness {
    /// Returns `true` if nothing is degraded. A service without a producer, without a consumer, or
    /// without either can be ready.
    pub fn is_ready(&self) -> bool {
        self.server_is_ready
            && self.cause.is_none()
            && !self.producer_is_unreachable()
            && self.consumer_word().is_none()
            && self.outbox_word().is_none()
    }

    /// The same, degraded unless the web server is ready, too.
    #[must_use]
    pub fn and_server(mut self, is_ready: bool) -> Self {
        self.server_is_ready = is_ready;
        self
    }

    /// The worst state among the producers; `None` without one.
    pub fn producer(&self) -> Option<BrokerState> {
        self.producer
    }

    /// The worst state among the consumers; `None` without one.
    pub fn consumer(&self) -> Option<ConsumerState> {
        self.consumer
    }

    /// Messages behind the latest offsets, all consumers together; `None` when it is not known.
    pub fn consumer_lag(&self) -> Option<u64> {
        self.consumer_lag
    }

    /// The worst state among the outbox relays; `None` without one.
    pub fn outbox(&self) -> Option<OutboxState> {
        self.outbox
    }

    /// The certificate, credential, permission or setting that keeps a producer or consumer from its
    /// work; `None` if none does, or if brokers do not answer at all.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body of `/readyz`, on one line.
    ///
    /// While the brokers do not answer, it has the three fields `status`, `kafka_producer` and
    /// `kafka_consumer_lag` alone. A body that is degraded for any other cause names it:
    ///
    /// | field | values |
    /// |---|---|
    /// | `kafka_consumer` | `stalled`, `rebalancing`, `missing topic`, `starting`, or `unreachable` where no producer says so |
    /// | `kafka_outbox` | `stalled`, or `cannot delete events` where the database lets none be deleted |
    /// | `cause` | a certificate, credential, permission or setting in words, or that the web server is not ready |
    pub fn to_json(&self) -> String {
        let status = if self.is_ready() { "ok" } else { "degraded" };
        let producer = match self.producer {
            Some(BrokerState::Ok) => r#""ok""#,
            Some(BrokerState::Unreachable) => r#""unreachable""#,
            None => "null",
        };
        let is_down = self.producer_is_unreachable();
        // Of brokers that merely do not answer nothing else is told.
        let lag = self
            .consumer_lag
            .filter(|_| !is_down || self.cause.is_some())
            .map_or_else(|| "null".to_owned(), |lag| lag.to_string());
        let mut body = format!(
            r#"{{"status":"{status}","kafka_producer":{producer},"kafka_consumer_lag":{lag}"#
        );
        let words = [
            ("kafka_consumer", self.consumer_word()),
            ("kafka_outbox", self.outbox_word()),
        ];
        let mut is_told = is_down;
        for (name, word) in words {
            if let Some(word) = word.filter(|_| !is_down) {
                body += &format!(r#","{name}":"{word}""#);
                is_told = true;
            }
        }
        let of_server =
            (!self.server_is_ready && !is_told).then_some("the web server is starting or stopping");
        if let Some(cause) = self.cause().or(of_server) {
            body += &format!(r#","cause":"{}""#, escaped(cause));
        }
        body + "}"
    }

    fn producer_is_unreachable(&self) -> bool {
        self.producer == Some(BrokerState::Unreachable)
    }

    fn consumer_word(&self) -> Option<&'static str> {
        match (self.consumer?, self.consumer_brokers) {
            (_, Some(Brokers::Unreachable)) => Some("unreachable"),
            (ConsumerState::Stalled, _) => Some("stalled"),
            (ConsumerState::MissingTopic, _) => Some("missing topic"),
            (_, Some(Brokers::Starting)) => Some("starting"),
            (ConsumerState::Rebalancing, _) => Some("rebalancing"),
            (ConsumerState::Ok, _) => None,
        }
    }

    fn outbox_word(&self) -> Option<&'static str> {
        match self.outbox? {
            OutboxState::CannotDelete => Some("cannot delete events"),
            OutboxState::Stalled => Some("stalled"),
            OutboxState::Ok => None,
        }
    }
}

/// The text inside the quotes of a JSON string.
fn escaped(text: &str) -> String {
    // Without control characters, these are all that JSON wants escaped.
    let text = printable(text);
    text.replace('\\', r"\\").replace('"', "\\\"")
}
