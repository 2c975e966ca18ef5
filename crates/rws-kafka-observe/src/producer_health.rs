use crate::contact::Contact;
use crate::readiness::BrokerState;
use crate::source::{Asked, Source};
use crate::status::ProducerStatus;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

pub(crate) struct Producer {
    pub(crate) contact: Contact,
    pub(crate) retired: bool,
    pub(crate) cause: Option<String>,
    pub(crate) source: Asked<ProducerStatus>,
}

impl Producer {
    pub(crate) fn new() -> Self {
        Self {
            contact: Contact::Unknown,
            retired: false,
            cause: None,
            source: None,
        }
    }

    /// Returns what hinders its work, apart from an unreachable broker.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.contact.cause().or(self.cause.as_deref())
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("contact", &self.contact)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

/// Reports one producer's health to readiness. All clones report the same producer.
///
/// When the last clone is dropped, readiness no longer depends on the producer.
#[derive(Clone, Debug)]
pub struct ProducerHealth {
    state: Arc<Mutex<Producer>>,
}

impl ProducerHealth {
    pub(crate) fn new(state: Arc<Mutex<Producer>>) -> Self {
        Self { state }
    }

    /// Reports that the broker answered.
    pub fn reachable(&self) {
        self.state.lock().contact.answered();
    }

    /// Reports that the broker did not answer.
    pub fn unreachable(&self) {
        self.unreachable_for(None);
    }

    /// Reports that the broker cannot be reached, and why: a certificate, credential or setting that is
    /// wrong. With `None`, the broker merely did not answer.
    pub fn unreachable_for(&self, cause: Option<String>) {
        self.state.lock().contact.silent(cause);
    }

    /// Returns the last reported state of the broker.
    pub fn state(&self) -> BrokerState {
        self.state.lock().contact.state()
    }

    /// Sets the permission or setting that hinders the producer while its broker answers, or `None` once
    /// nothing does.
    ///
    /// The text should say what to do about it. While there is one, readiness is degraded and shows it.
    pub fn hindered(&self, cause: Option<String>) {
        self.state.lock().cause = cause;
    }

    /// Reports that the producer was closed: readiness no longer depends on it, whatever a running probe
    /// still finds.
    pub fn retired(&self) {
        self.state.lock().retired = true;
    }

    /// Sets the source that is asked for the producer's status, as long as it exists.
    pub fn told_by(&self, source: &Arc<impl Source<ProducerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        self.state.lock().source = Some(source);
    }
}
