use crate::readiness::OutboxState;
use crate::untold::Untold;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The state that a relay last reported.
#[derive(Debug)]
pub(crate) struct Relay {
    stall_timeout: Duration,
    failed: bool,
    told: bool,
    retired: bool,
    has_work: bool,
    cannot_delete: bool,
    /// When the current period of work without progress began.
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

/// Reports one outbox relay's health to readiness. All clones report the same relay.
///
/// When the last clone is dropped, readiness no longer depends on the relay, unless it
/// [failed](Self::failed) and [`told`](Self::told) was not called.
#[derive(Clone, Debug)]
pub struct OutboxHealth {
    state: Arc<Mutex<Relay>>,
    untold: Untold<Relay>,
}

impl OutboxHealth {
    pub(crate) fn new(state: Arc<Mutex<Relay>>, untold: Untold<Relay>) -> Self {
        Self { state, untold }
    }

    /// Reports that there are events to publish, or that this is unknown.
    ///
    /// The stall timeout runs from the first of these calls, and starts again with each
    /// [`progressed`](Self::progressed).
    pub fn has_work(&self) {
        let mut state = self.state.lock();
        if !state.has_work {
            state.has_work = true;
            state.waiting_since = Instant::now();
        }
    }

    /// Reports that no event can be published now.
    pub fn idle(&self) {
        self.state.lock().has_work = false;
    }

    /// Reports that events were published, by this relay or another.
    pub fn progressed(&self) {
        self.state.lock().waiting_since = Instant::now();
    }

    /// Sets whether the database refuses to delete events. The relay then sends none.
    pub fn cannot_delete(&self, cannot_delete: bool) {
        self.state.lock().cannot_delete = cannot_delete;
    }

    /// Reports that the relay ended with an error and publishes no more.
    pub fn failed(&self) {
        let mut state = self.state.lock();
        let was_failed = std::mem::replace(&mut state.failed, true);
        if !was_failed && !state.told {
            self.untold.keep(&self.state);
        }
    }

    /// Reports that the code that runs the relay knows how it ended and may start another one. From now
    /// on, readiness depends on the relay only until its last clone is dropped.
    pub fn told(&self) {
        self.state.lock().told = true;
        self.untold.told(&self.state);
    }

    /// Reports that the relay was stopped on request: readiness no longer depends on it, unless it had
    /// [failed](Self::failed).
    pub fn retired(&self) {
        let mut state = self.state.lock();
        state.retired = !state.failed;
    }
}
