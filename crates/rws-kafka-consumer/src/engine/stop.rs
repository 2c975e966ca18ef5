use crate::report::StopReport;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rws_kafka_client::Deadline;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The way of a worker to its end: asked for, then over.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether somebody has read the report.
    pub(crate) is_read: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    report: Option<StopReport>,
}

impl Stop {
    /// Asks for the end, all of it within `time`. Of several calls the earliest deadline counts.
    pub(crate) fn ask(&self, time: Duration) {
        let until = Deadline::after(time).instant();
        let mut state = self.lock();
        state.until = Some(state.until.map_or(until, |earlier| earlier.min(until)));
        // Under the lock: who looks there and then sleeps must not miss it.
        self.asked.store(true, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The deadline of the end, where one was asked for.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.lock().until
    }

    /// The worker has ended. The first report counts.
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

    /// Sleeps for `time`, less when the end is asked for.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Deadline::after(time).instant();
        drop(self.wait_while(Some(until), |_| !self.is_asked()));
    }

    /// Waits for the worker's end, without a bound where `until` is none.
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
            // A minute at most, so that no end of the clock's range is met.
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
