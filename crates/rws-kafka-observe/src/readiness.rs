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
}

/// What keeps an outbox relay from its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxState {
    /// Nothing does: it works, or has nothing to do.
    Ok,
    /// It has events and has published none for the stall timeout, or has ended with an error.
    Stalled,
}

/// The answer of `/readyz`: what the background probes last found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub(crate) producer: Option<BrokerState>,
    pub(crate) consumer: Option<ConsumerState>,
    pub(crate) consumer_broker: Option<BrokerState>,
    pub(crate) consumer_lag: Option<u64>,
    pub(crate) outbox: Option<OutboxState>,
    pub(crate) server_is_ready: bool,
}

impl Readiness {
    /// True when nothing is degraded. A service without a producer, without a consumer, or without
    /// either can be ready.
    pub fn is_ready(&self) -> bool {
        self.server_is_ready
            && self.producer != Some(BrokerState::Unreachable)
            && self.consumer_broker != Some(BrokerState::Unreachable)
            && !matches!(
                self.consumer,
                Some(ConsumerState::Stalled | ConsumerState::Rebalancing)
            )
            && self.outbox != Some(OutboxState::Stalled)
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

    /// The body of `/readyz`, on one line.
    ///
    /// The state of the consumer, and of the outbox, is named when it, and not the broker, is the
    /// cause.
    pub fn to_json(&self) -> String {
        let status = if self.is_ready() { "ok" } else { "degraded" };
        let producer = match self.producer {
            Some(BrokerState::Ok) => r#""ok""#,
            Some(BrokerState::Unreachable) => r#""unreachable""#,
            None => "null",
        };
        let lag = self
            .consumer_lag
            .map_or_else(|| "null".to_owned(), |lag| lag.to_string());
        let broker_is_the_cause = self.producer == Some(BrokerState::Unreachable)
            || self.consumer_broker == Some(BrokerState::Unreachable);
        let consumer = match self.consumer {
            Some(ConsumerState::Stalled) if !broker_is_the_cause => {
                r#","kafka_consumer":"stalled""#
            }
            Some(ConsumerState::Rebalancing) if !broker_is_the_cause => {
                r#","kafka_consumer":"rebalancing""#
            }
            _ => "",
        };
        let outbox = match self.outbox {
            Some(OutboxState::Stalled) if !broker_is_the_cause => r#","kafka_outbox":"stalled""#,
            _ => "",
        };
        format!(
            r#"{{"status":"{status}","kafka_producer":{producer},"kafka_consumer_lag":{lag}{consumer}{outbox}}}"#
        )
    }
}
