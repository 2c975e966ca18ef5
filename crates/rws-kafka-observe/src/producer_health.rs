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

    /// What keeps it from its work, beside a broker that is down.
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

/// A producer's part in readiness. Clones are one part; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct ProducerHealth {
    state: Arc<Mutex<Producer>>,
}

impl ProducerHealth {
    pub(crate) fn new(state: Arc<Mutex<Producer>>) -> Self {
        Self { state }
    }

    /// The broker answered.
    pub fn reachable(&self) {
        self.state.lock().contact.answered();
    }

    /// The broker did not answer.
    pub fn unreachable(&self) {
        self.unreachable_for(None);
    }

    /// The broker cannot be reached for this certificate, credential or setting; with `None` it did
    /// not answer.
    pub fn unreachable_for(&self, cause: Option<String>) {
        self.state.lock().contact.silent(cause);
    }

    /// What was last reported.
    pub fn state(&self) -> BrokerState {
        self.state.lock().contact.state()
    }

    /// The permission or setting that keeps the producer from its work while its broker answers, in
    /// words that say what helps; `None` once nothing does.
    ///
    /// Readiness is degraded as long as there is one, and shows it.
    pub fn hindered(&self, cause: Option<String>) {
        self.state.lock().cause = cause;
    }

    /// The producer is closed for good: readiness no longer depends on it, whatever a probe that is
    /// still under way finds.
    pub fn retired(&self) {
        self.state.lock().retired = true;
    }

    /// Whom to ask for the producer's status, as long as it is there.
    pub fn told_by(&self, source: &Arc<impl Source<ProducerStatus> + 'static>) {
        let source = Arc::downgrade(source);
        self.state.lock().source = Some(source);
    }
}
