use crate::readiness::{BrokerState, Brokers};
use std::time::Instant;

/// What one client knows of its brokers.
#[derive(Clone, Debug)]
pub(crate) enum Contact {
    /// They were not asked yet.
    Unknown,
    /// They answered, last at this time.
    Answered(Instant),
    /// They have not answered since.
    Silent {
        since: Instant,
        /// The certificate, credential or setting that is wrong; `None` if they are merely down.
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

    /// Since when the brokers have been down, as far as this client knows.
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

    /// What readiness says of the brokers, given that another client has found them down since
    /// `outage`.
    ///
    /// Clients probe at different times: the first one that finds the brokers down speaks for those
    /// that have had no answer since. An answer after that speaks for itself, as of another cluster.
    pub(crate) fn beside(&self, outage: Option<Instant>) -> Brokers {
        match self {
            Self::Unknown => Brokers::Starting,
            Self::Answered(at) if outage.is_none_or(|outage| *at >= outage) => Brokers::Ok,
            Self::Answered(_) | Self::Silent { .. } => Brokers::Unreachable,
        }
    }
}
