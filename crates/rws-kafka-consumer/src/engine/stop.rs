use crate::report::StopReport;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rws_kafka_client::Deadline;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The end of a worker: first requested, then reached.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// `true` once the report was read.
    pub(crate) is_read: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    report: Option<StopReport>,
}

impl Stop {
    /// Requests a stop within `time`. The earliest deadline of several calls counts.
    pub(crate) fn ask(&self, time: Duration) {
        let until = Deadline::after(time).instant();
        let mut state = self.lock();
        state.until = Some(state.until.map_or(until, |earlier| earlier.min(until)));
        // Under the lock, so that a thread that checks and then sleeps does not miss it.
        self.asked.store(true, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The deadline of the stop, if one was requested.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.lock().until
    }

    /// Records that the worker has ended. The first report counts.
    pub(crate) fn over(&self, report: StopReport) {
        let mut state = self.lock();
        state.report.get_or_insert(report);
        self.asked.store(true, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().report.is_some()
    }

    /// Sleeps for `time`, or until a stop is requested.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Deadline::after(time).instant();
        drop(self.wait_while(Some(until), |_| !self.is_asked()));
    }

    /// Waits for the end of the worker, without a limit if `until` is `None`.
    pub(crate) fn wait(&self, until: Option<Instant>) -> Option<StopReport> {
        self.wait_while(until, |state| state.report.is_none())
            .report
            .clone()
    }

    fn wait_while(
        &self,
        until: Option<Instant>,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while condition(&state) {
            // In steps of a minute, so that a wait without a limit cannot overflow the clock.
            let left = until.map_or(Duration::from_secs(60), |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            self.changed.wait_for(&mut state, left);
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::StopDetails;
    use std::thread;

    #[test]
    fn the_earliest_deadline_counts() {
        let stop = Stop::default();
        assert_eq!(stop.until(), None);
        stop.ask(Duration::MAX);
        stop.ask(Duration::ZERO);
        stop.ask(Duration::from_secs(60));
        assert!(stop.is_asked() && !stop.is_over());
        assert!(stop.until() <= Some(Instant::now()));
    }

    #[test]
    fn the_first_report_counts_and_reaches_all_who_wait() {
        let stop = Stop::default();
        let report = |unstarted| {
            StopReport::from(StopDetails {
                unstarted,
                ..StopDetails::default()
            })
        };
        assert!(stop.wait(Some(Instant::now())).is_none());
        thread::scope(|scope| {
            let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| stop.wait(None))).collect();
            stop.over(report(1));
            stop.over(report(2));
            for wait in waits {
                assert_eq!(wait.join().unwrap().map(|report| report.unstarted), Some(1));
            }
        });
        assert!(stop.is_asked() && stop.is_over());
    }

    #[test]
    fn a_sleep_ends_when_the_end_is_asked_for() {
        let stop = Stop::default();
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| stop.sleep(Duration::MAX));
            stop.ask(Duration::ZERO);
            sleeper.join().unwrap();
        });
    }
}
