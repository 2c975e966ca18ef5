use super::selection::LeftReason;
use crate::error::ConsumerError;
use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is told how a replay stands.
pub(super) type Progress = dyn Fn(&ReplayStatus) + Send + Sync;

/// How far a replay is.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReplayStatus {
    /// Offsets of the queue that it goes through. As many letters, where the queue is neither
    /// compacted nor written to in transactions.
    pub total: u64,
    /// Of those, how many it has been through.
    pub done: u64,
    /// Of those, how many are to come.
    pub to_come: u64,
    /// Letters brought back and acknowledged.
    pub replayed: u64,
    /// Letters left in the queue, by why.
    pub left: BTreeMap<LeftReason, u64>,
    /// Letters brought back a second, since the start.
    pub rate: f64,
}

/// How a replay ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// How far it came.
    pub status: ReplayStatus,
    /// Offsets asked for that the replay's group had passed before this run.
    pub already_passed: u64,
    /// Letters of this run that earlier, interrupted ones may have written already: no more than
    /// these are in their topics twice. 0 where the earlier ones ended in order.
    pub possibly_twice: u64,
    /// Letters that are written, or may be, and that the next run writes again.
    pub uncommitted: u64,
    /// What ended it before its end, if nobody asked for it.
    pub error: Option<ConsumerError>,
}

impl ReplayReport {
    /// True when it came to the end of what was asked for, and all of it is acknowledged and
    /// committed. Letters that are left do not count against it.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.uncommitted == 0 && self.status.to_come == 0
    }
}

/// A running replay. Clones are one replay; dropping them all leaves it running.
#[derive(Clone)]
pub struct ReplayHandle {
    shared: Arc<Shared>,
}

/// What the end of a request to the broker takes beyond the deadline of a stop.
const LAST_ANSWER: Duration = Duration::from_secs(2);

impl ReplayHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How far it is. Asks no broker.
    pub fn status(&self) -> ReplayStatus {
        self.shared.state.lock().status.clone()
    }

    /// Stops it: sends nothing more, waits for `timeout` at most for what is on its way, and
    /// commits. Takes up to two seconds more when the broker does not answer. A later run goes on
    /// from there.
    pub fn stop(&self, timeout: Duration) -> ReplayReport {
        self.shared.ask_to_stop(timeout);
        let waited = timeout.saturating_add(LAST_ANSWER);
        self.join_timeout(waited).unwrap_or_else(|| {
            let state = self.shared.state.lock();
            ReplayReport {
                status: state.status.clone(),
                uncommitted: state.in_doubt,
                error: Some(ConsumerError::CommitTimedOut),
                ..ReplayReport::default()
            }
        })
    }

    /// Waits until it has ended, however long that takes.
    pub fn join(&self) -> ReplayReport {
        let mut state = self.shared.state.lock();
        loop {
            if let Some(report) = &state.report {
                return report.clone();
            }
            self.shared.changed.wait(&mut state);
        }
    }

    /// Waits until it has ended, for `timeout` at most.
    pub fn join_timeout(&self, timeout: Duration) -> Option<ReplayReport> {
        let mut state = self.shared.state.lock();
        let is_running = |state: &mut State| state.report.is_none();
        let changed = &self.shared.changed;
        changed.wait_while_for(&mut state, is_running, timeout);
        state.report.clone()
    }
}

impl fmt::Debug for ReplayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayHandle")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// What a replay and its handles share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    status: ReplayStatus,
    /// Letters sent whose offsets are not committed.
    in_doubt: u64,
    /// A stop was asked for, which is to be over by then.
    stop_by: Option<Instant>,
    report: Option<ReplayReport>,
}

impl Shared {
    fn ask_to_stop(&self, timeout: Duration) {
        let by = Deadline::after(timeout).instant();
        let mut state = self.state.lock();
        // A second stop can only bring the end forward.
        state.stop_by = Some(state.stop_by.map_or(by, |before| before.min(by)));
        self.changed.notify_all();
    }

    /// By when the stop that was asked for is to be over.
    pub(super) fn stop_by(&self) -> Option<Instant> {
        self.state.lock().stop_by
    }

    /// Waits until `due`; false when a stop came before.
    pub(super) fn wait_until(&self, due: Option<Instant>) -> bool {
        let time = due.map_or(Duration::ZERO, |due| {
            due.saturating_duration_since(Instant::now())
        });
        let mut state = self.state.lock();
        let goes_on = |state: &mut State| state.stop_by.is_none();
        self.changed.wait_while_for(&mut state, goes_on, time);
        state.stop_by.is_none()
    }

    pub(super) fn tell(&self, status: &ReplayStatus, in_doubt: u64) {
        let mut state = self.state.lock();
        state.status = status.clone();
        state.in_doubt = in_doubt;
    }

    pub(super) fn over(&self, report: ReplayReport) {
        let mut state = self.state.lock();
        state.status = report.status.clone();
        state.report = Some(report);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_may_take_as_long_as_it_takes() {
        let shared = Shared::default();
        shared.ask_to_stop(Duration::MAX);
        let by = shared.stop_by().expect("a deadline");
        assert!(by > Instant::now() + Duration::from_secs(3600));
    }
}
