use crate::readiness::{BrokerState, Brokers};
use std::time::Instant;

/// A client's last contact with its brokers.
#[derive(Clone, Debug)]
pub(crate) enum Contact {
    /// The client has not asked them yet.
    Unknown,
    /// They last answered at this time.
    Answered(Instant),
    /// They have not answered since this time.
    Silent {
        since: Instant,
        /// The certificate, credential or setting that is wrong; `None` if the brokers merely do not answer.
        cause: Option<String>,
    },
}

impl Contact {
    pub(crate) fn answered(&mut self) {
        *self = Self::Answered(Instant::now());
    }

    pub(crate) fn silent(&mut self, cause: Option<String>) {
        let since = match self {
            Self::Silent { since, .. } => *since,
            _ => Instant::now(),
        };
        *self = Self::Silent { since, cause };
    }

    pub(crate) fn state(&self) -> BrokerState {
        match self {
            Self::Answered(_) => BrokerState::Ok,
            Self::Unknown | Self::Silent { .. } => BrokerState::Unreachable,
        }
    }

    /// Returns when this client found the brokers down, if they are.
    pub(crate) fn outage(&self) -> Option<Instant> {
        match self {
            Self::Silent { since, cause: None } => Some(*since),
            _ => None,
        }
    }

    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Silent { cause, .. } => cause.as_deref(),
            _ => None,
        }
    }

    /// Returns the state of the brokers for readiness, given that another client found them down at
    /// `outage`.
    ///
    /// Clients probe at different times, so the first one that finds the brokers down counts for all
    /// clients without a later answer. A client with a later answer may use another cluster.
    pub(crate) fn beside(&self, outage: Option<Instant>) -> Brokers {
        match self {
            Self::Unknown => Brokers::Starting,
            Self::Answered(at) if outage.is_none_or(|outage| *at >= outage) => Brokers::Ok,
            Self::Answered(_) | Self::Silent { .. } => Brokers::Unreachable,
        }
    }
}
