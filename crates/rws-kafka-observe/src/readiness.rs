use crate::text::printable;
use serde::Serialize;
use std::fmt;

/// The result of the last probe of the broker by a producer or consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BrokerState {
    /// The broker answered.
    Ok,
    /// The broker did not answer in time, refused the credentials, or has not been asked yet.
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

/// The state of a consumer in [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerState {
    /// The consumer works, or has nothing to do.
    Ok,
    /// The consumer has work and has committed nothing for the lag timeout, or it ended with an error.
    Stalled,
    /// The group is between two assignments, or the consumer has not joined it yet.
    Rebalancing,
    /// A subscribed topic does not exist.
    MissingTopic,
}

/// The state of an outbox relay in [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// The relay works, or has nothing to do.
    Ok,
    /// The relay has events and has published none for the stall timeout, or it ended with an error.
    Stalled,
    /// The database refuses to delete events, so the relay sends none. The server is read-only, as after a
    /// failover, or the role lacks a privilege.
    CannotDelete,
}

/// The state of the brokers of several clients together. It is ordered: the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Brokers {
    Ok,
    /// Not asked yet, or a start still waits for something.
    Starting,
    Unreachable,
}

/// The readiness of the service for its Kafka work, with the cause if it is degraded, for `/readyz`.
///
/// [`Observer::readiness`](crate::Observer::readiness) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub(crate) producer: Option<BrokerState>,
    pub(crate) consumer: Option<ConsumerState>,
    pub(crate) consumer_brokers: Option<Brokers>,
    pub(crate) consumer_lag: Option<u64>,
    pub(crate) outbox: Option<OutboxState>,
    /// The certificate, credential, permission or setting that is wrong.
    pub(crate) cause: Option<String>,
    pub(crate) server_is_ready: bool,
}

impl Readiness {
    /// Returns `true` if nothing is degraded. A service without producers or without consumers can be
    /// ready.
    pub fn is_ready(&self) -> bool {
        self.server_is_ready
            && self.cause.is_none()
            && !self.producer_is_unreachable()
            && self.consumer_word().is_none()
            && self.outbox_word().is_none()
    }

    /// Returns the same readiness, degraded unless the web server is ready too.
    #[must_use]
    pub fn and_server(mut self, is_ready: bool) -> Self {
        self.server_is_ready = is_ready;
        self
    }

    /// Returns the worst state of the producers, or `None` if there are none.
    pub fn producer(&self) -> Option<BrokerState> {
        self.producer
    }

    /// Returns the worst state of the consumers, or `None` if there are none.
    pub fn consumer(&self) -> Option<ConsumerState> {
        self.consumer
    }

    /// Returns the lag of all consumers together, in messages; `None` if it is unknown.
    pub fn consumer_lag(&self) -> Option<u64> {
        self.consumer_lag
    }

    /// Returns the worst state of the outbox relays, or `None` if there are none.
    pub fn outbox(&self) -> Option<OutboxState> {
        self.outbox
    }

    /// Returns the certificate, credential, permission or setting that hinders a producer or consumer.
    ///
    /// Returns `None` if none does, or if a client's brokers do not answer at all.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Returns the body of `/readyz`, on one line of JSON.
    ///
    /// The body always has the fields `status` (`ok` or `degraded`), `kafka_producer` (`ok`,
    /// `unreachable`, or `null` without a producer) and `kafka_consumer_lag` (messages, or `null` if
    /// unknown). If a producer's brokers do not answer and no cause is known, it has only these. Otherwise
    /// a degraded body names its cause in these fields:
    ///
    /// | field | values |
    /// |---|---|
    /// | `kafka_consumer` | `stalled`, `rebalancing`, `missing topic`, `starting` or `unreachable` |
    /// | `kafka_outbox` | `stalled`, or `cannot delete events` if the database refuses to delete them |
    /// | `cause` | a wrong certificate, credential, permission or setting, or that the server is not ready |
    pub fn to_json(&self) -> String {
        let status = if self.is_ready() { "ok" } else { "degraded" };
        let producer = match self.producer {
            Some(BrokerState::Ok) => r#""ok""#,
            Some(BrokerState::Unreachable) => r#""unreachable""#,
            None => "null",
        };
        let is_down = self.producer_is_unreachable();
        // While the brokers merely do not answer, nothing else is reported.
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

/// Returns the text between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    // Without control characters, JSON needs only these escapes.
    let text = printable(text);
    text.replace('\\', r"\\").replace('"', "\\\"")
}
