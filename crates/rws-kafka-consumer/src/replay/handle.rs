use super::selection::LeftReason;
use crate::error::ConsumerError;
use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A callback that receives the progress of a replay.
pub(super) type Progress = dyn Fn(&ReplayStatus) + Send + Sync;

/// The progress of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReplayStatus {
    /// The number of selected offsets of the queue. It is the number of dead letters if the queue is neither
    /// compacted nor written to in transactions.
    pub total: u64,
    /// The number of these offsets that the replay has passed.
    pub done: u64,
    /// The number of these offsets that it has not passed yet.
    pub to_come: u64,
    /// The number of dead letters that were replayed and acknowledged.
    pub replayed: u64,
    /// The number of dead letters that were left in the queue, by cause.
    pub left: BTreeMap<LeftReason, u64>,
    /// The average number of replayed dead letters per second since the start.
    pub rate: f64,
}

/// The result of a replay.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// The progress at the end.
    pub status: ReplayStatus,
    /// The number of selected offsets that the replay's group had passed before this run.
    pub already_passed: u64,
    /// The maximum number of dead letters that are in their topics twice, because an earlier run was
    /// interrupted and may have written them. 0 if no run was interrupted.
    pub possibly_twice: u64,
    /// The number of dead letters that were written, or may have been, without a commit. The next run writes
    /// them again.
    pub uncommitted: u64,
    /// The error that ended the replay early; `None` if it reached its end or was stopped.
    pub error: Option<ConsumerError>,
}

impl ReplayReport {
    /// Returns `true` if the replay reached its end, and everything is acknowledged and committed. Dead
    /// letters that were left are allowed.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.uncommitted == 0 && self.status.to_come == 0
    }
}

/// A handle of a running replay.
///
/// All clones refer to the same replay. Dropping them all leaves it running.
#[derive(Clone)]
pub struct ReplayHandle {
    shared: Arc<Shared>,
}

/// How much longer than its deadline a stop may take, for the last answer of the broker.
const LAST_ANSWER: Duration = Duration::from_secs(2);

impl ReplayHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the current progress. It does not ask the broker.
    pub fn status(&self) -> ReplayStatus {
        self.shared.state.lock().status.clone()
    }

    /// Stops the replay: it sends no more dead letters, waits for at most `timeout` for those in flight, and
    /// commits. A later run resumes it.
    ///
    /// The call takes up to 2 s longer than `timeout` if the broker does not answer.
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

    /// Blocks until the replay has ended.
    pub fn join(&self) -> ReplayReport {
        let mut state = self.shared.state.lock();
        loop {
            if let Some(report) = &state.report {
                return report.clone();
            }
            self.shared.changed.wait(&mut state);
        }
    }

    /// Blocks until the replay has ended, for at most `timeout`. Returns `None` if it is still running.
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

/// The state that a replay shares with its handles.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    status: ReplayStatus,
    /// The number of sent dead letters whose offsets are not committed.
    in_doubt: u64,
    /// The deadline of the stop, if one was asked for.
    stop_by: Option<Instant>,
    report: Option<ReplayReport>,
}

impl Shared {
    fn ask_to_stop(&self, timeout: Duration) {
        let by = Deadline::after(timeout).instant();
        let mut state = self.state.lock();
        // A second stop can only make the deadline earlier.
        state.stop_by = Some(state.stop_by.map_or(by, |before| before.min(by)));
        self.changed.notify_all();
    }

    /// The deadline of the stop, if one was asked for.
    pub(super) fn stop_by(&self) -> Option<Instant> {
        self.state.lock().stop_by
    }

    /// Waits until `due`. Returns `false` if the replay is to stop.
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
