use super::report::{RelayReport, RelayStatus};
use super::state::{Activity, RelayState};
use crate::error::OutboxError;
use parking_lot::Mutex;
use rws_kafka_observe::OutboxHealth;
use rws_kafka_observe::causes::with_causes;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The handle of a running relay. Dropping it leaves the relay running.
#[derive(Debug)]
pub struct RelayHandle {
    state: Arc<RelayState>,
    health: OutboxHealth,
    stopping: watch::Sender<bool>,
    /// Taken once; in a `Mutex` only to be `Sync`.
    ended: Mutex<Receiver<RelayReport>>,
}

impl RelayHandle {
    pub(super) fn spawn<F>(
        runtime: &Handle,
        health: OutboxHealth,
        relay: impl FnOnce(Arc<RelayState>, watch::Receiver<bool>) -> F,
    ) -> Self
    where
        F: Future<Output = RelayReport> + Send + 'static,
    {
        let state = Arc::new(RelayState::default());
        state.running.store(true, Relaxed);
        let (stopping, stopped) = watch::channel(false);
        let (report, ended) = channel();
        let relay = relay(Arc::clone(&state), stopped);
        let (state_of_it, health_of_it) = (Arc::clone(&state), health.clone());
        // Kept by the task: without a sender, the relay of a dropped handle would stop.
        let own = stopping.clone();
        runtime.spawn(async move {
            // A separate task, so that a panic becomes an error in the report.
            let outcome = tokio::spawn(relay).await;
            let outcome = outcome.unwrap_or_else(|panic| RelayReport {
                error: Some(OutboxError::Thread {
                    detail: panic.to_string(),
                }),
                ..state_of_it.report()
            });
            if let Some(error) = &outcome.error {
                state_of_it.well(Activity::Looking);
                state_of_it.troubled(Activity::Publishing, error);
                tracing::error!(error = with_causes(error), "the outbox relay has ended");
                // A relay that was asked to stop does not degrade readiness.
                if !*own.borrow() {
                    health_of_it.failed();
                }
            }
            health_of_it.retired();
            state_of_it.running.store(false, Relaxed);
            // Before the report, so that a caller that has the report sees the new readiness.
            drop(health_of_it);
            // Fails when the handle is dropped.
            let _ = report.send(outcome);
        });
        Self {
            state,
            health,
            stopping,
            ended: Mutex::new(ended),
        }
    }

    pub(super) fn failed(error: OutboxError, health: OutboxHealth) -> Self {
        let (report, ended) = channel();
        let state = RelayState::default();
        state.troubled(Activity::Publishing, &error);
        health.failed();
        // The receiver still exists, so this cannot fail.
        let _ = report.send(RelayReport {
            error: Some(error),
            ..state.report()
        });
        Self {
            state: Arc::new(state),
            health,
            stopping: watch::channel(true).0,
            ended: Mutex::new(ended),
        }
    }

    /// Asks the relay to stop: it reads no more events, and waits for the acknowledgements of the events in
    /// flight. Returns at once.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Stops the relay and blocks until it has ended, for up to `within`.
    ///
    /// A relay that has not ended by then continues to stop in the background, and the report has the error
    /// [`OutboxError::StopTimedOut`]. The next relay sends unacknowledged events again.
    pub fn stop_within(self, within: Duration) -> RelayReport {
        self.stop();
        self.report(|ended| ended.recv_timeout(within))
    }

    /// Blocks until the relay has ended. After [`stop`](Self::stop) this takes little more than
    /// [`stop_timeout`](crate::OutboxRelay::stop_timeout); without it, only a permanent error ends the relay.
    pub fn join(self) -> RelayReport {
        self.report(|ended| ended.recv().map_err(RecvTimeoutError::from))
    }

    fn report(
        self,
        receive: impl FnOnce(&Receiver<RelayReport>) -> Result<RelayReport, RecvTimeoutError>,
    ) -> RelayReport {
        let begun = Instant::now();
        let report = receive(&self.ended.into_inner()).unwrap_or_else(|error| RelayReport {
            error: Some(match error {
                RecvTimeoutError::Timeout => OutboxError::StopTimedOut {
                    after: begun.elapsed(),
                },
                RecvTimeoutError::Disconnected => OutboxError::Thread {
                    detail: "the relay's runtime has ended".to_owned(),
                },
            }),
            ..self.state.report()
        });
        self.health.told();
        report
    }

    /// Returns the current state of the relay.
    pub fn status(&self) -> RelayStatus {
        self.state.status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::handle as runtime;
    use rws_kafka_observe::{Observer, OutboxState};

    const LONG: Duration = Duration::from_secs(60);

    fn relay<F>(observer: &Observer, relay: F) -> RelayHandle
    where
        F: Future<Output = RelayReport> + Send + 'static,
    {
        let runtime = runtime().expect("a runtime");
        RelayHandle::spawn(runtime, observer.register_outbox(LONG), |_, _| relay)
    }

    fn fails() -> impl Future<Output = RelayReport> {
        let error = OutboxError::Thread {
            detail: "none".to_owned(),
        };
        async {
            RelayReport {
                error: Some(error),
                ..RelayState::default().report()
            }
        }
    }

    /// Waits until the relay has ended, without reading its report.
    fn ends(relay: &RelayHandle) {
        let end = Instant::now() + LONG;
        while relay.status().running {
            assert!(Instant::now() < end, "it runs for ever");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_relay_that_failed_is_not_ready_until_its_handle_has_told() {
        let observer = Observer::new();
        let state = || observer.readiness().outbox();
        let failed = relay(&observer, fails());
        ends(&failed);
        assert_eq!(state(), Some(OutboxState::Stalled));
        assert!(failed.status().trouble.is_some());
        assert!(failed.join().error.is_some());
        assert_eq!(state(), None);
        let unseen = relay(&observer, fails());
        ends(&unseen);
        drop(unseen);
        assert_eq!(state(), Some(OutboxState::Stalled));
    }

    #[test]
    fn a_report_that_is_not_clean_is_an_error() {
        let report = |abandoned_batches, error| RelayReport {
            abandoned_batches,
            error,
            ..RelayState::default().report()
        };
        let error = |report: RelayReport| report.into_result().err().map(|it| it.to_string());
        assert_eq!(error(report(0, None)), None);
        let abandoned = error(report(2, None)).expect("an error");
        assert!(abandoned.contains("all events of 2 batches"), "{abandoned}");
        let after = LONG;
        let timed_out = report(2, Some(OutboxError::StopTimedOut { after }));
        let expected = OutboxError::StopTimedOut { after }.to_string();
        assert_eq!(error(timed_out), Some(expected));
    }

    #[test]
    fn a_panic_is_an_error_in_the_report() {
        let observer = Observer::new();
        let panicked = relay(&observer, async { panic!("out of cheese") });
        ends(&panicked);
        assert_eq!(observer.readiness().outbox(), Some(OutboxState::Stalled));
        let report = panicked.join().to_string();
        assert!(report.contains("out of cheese"), "{report}");
    }

    #[test]
    fn a_relay_that_was_stopped_no_longer_counts() {
        let observer = Observer::new();
        let stopped = relay(&observer, async { RelayState::default().report() });
        ends(&stopped);
        assert_eq!(observer.readiness().outbox(), None);
        assert!(stopped.join().is_clean());
    }

    #[test]
    fn a_relay_that_fails_after_it_was_stopped_no_longer_counts() {
        let observer = Observer::new();
        let health = observer.register_outbox(LONG);
        let runtime = runtime().expect("a runtime");
        let stopped = RelayHandle::spawn(runtime, health, |_, mut stopping| async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
            fails().await
        });
        stopped.stop();
        ends(&stopped);
        assert_eq!(observer.readiness().outbox(), None);
        assert!(stopped.join().error.is_some());
    }

    #[test]
    fn one_that_could_not_start_is_not_ready_until_its_handle_has_told() {
        let observer = Observer::new();
        let error = OutboxError::Thread {
            detail: "no threads".to_owned(),
        };
        let handle = RelayHandle::failed(error, observer.register_outbox(LONG));
        assert_eq!(observer.readiness().outbox(), Some(OutboxState::Stalled));
        assert!(handle.join().error.is_some());
        assert_eq!(observer.readiness().outbox(), None);
    }
}
