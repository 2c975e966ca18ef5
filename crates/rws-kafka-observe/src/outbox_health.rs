use crate::readiness::OutboxState;
use crate::untold::Untold;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a relay last told of itself.
#[derive(Debug)]
pub(crate) struct Relay {
    stall_timeout: Duration,
    failed: bool,
    told: bool,
    retired: bool,
    has_work: bool,
    cannot_delete: bool,
    /// Start of the present stretch of work without progress.
    waiting_since: Instant,
}

impl Relay {
    pub(crate) fn new(stall_timeout: Duration) -> Self {
        Self {
            stall_timeout,
            failed: false,
            told: false,
            retired: false,
            has_work: false,
            cannot_delete: false,
            waiting_since: Instant::now(),
        }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired
    }

    pub(crate) fn state(&self, now: Instant) -> OutboxState {
        let waited = now.saturating_duration_since(self.waiting_since);
        if self.cannot_delete && !self.failed {
            OutboxState::CannotDelete
        } else if self.failed || (self.has_work && waited > self.stall_timeout) {
            OutboxState::Stalled
        } else {
            OutboxState::Ok
        }
    }
}

/// An outbox relay's part in readiness. Clones are one part; it ends with the last of them, unless
/// the relay [failed](Self::failed) and nobody was [told](Self::told).
#[derive(Clone, Debug)]
pub struct OutboxHealth {
    state: Arc<Mutex<Relay>>,
    untold: Untold<Relay>,
}

impl OutboxHealth {
    pub(crate) fn new(state: Arc<Mutex<Relay>>, untold: Untold<Relay>) -> Self {
        Self { state, untold }
    }

    /// There are events to be published, or it is not known whether there are.
    ///
    /// The stall timeout runs from the first of these calls, and anew from each
    /// [`progressed`](Self::progressed).
    pub fn has_work(&self) {
        let mut state = self.state.lock();
        if !state.has_work {
            state.has_work = true;
            state.waiting_since = Instant::now();
        }
    }

    /// There is nothing that could be published now.
    pub fn idle(&self) {
        self.state.lock().has_work = false;
    }

    /// Events were published, by this relay or another.
    pub fn progressed(&self) {
        self.state.lock().waiting_since = Instant::now();
    }

    /// Sets whether the database lets no event be deleted, so that the relay sends none.
    pub fn cannot_delete(&self, cannot_delete: bool) {
        self.state.lock().cannot_delete = cannot_delete;
    }

    /// The relay ended with an error and will publish no more.
    pub fn failed(&self) {
        let mut state = self.state.lock();
        let was_failed = std::mem::replace(&mut state.failed, true);
        if !was_failed && !state.told {
            self.untold.keep(&self.state);
        }
    }

    /// Whoever runs the relay knows how it ended, and may start another one: from now on its part ends
    /// with the last clone.
    pub fn told(&self) {
        self.state.lock().told = true;
        self.untold.told(&self.state);
    }

    /// The relay ended as it was asked to: readiness no longer depends on it, unless it had
    /// [failed](Self::failed).
    pub fn retired(&self) {
        let mut state = self.state.lock();
        state.retired = !state.failed;
    }
}
