use super::failure::with_causes;
use super::lock;
use crate::error::OutboxError;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What a relay does at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStatus {
    /// Whether it runs.
    pub running: bool,
    /// Events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// Refusals of events by Kafka since the start.
    pub refused: u64,
    /// Events parked since the start.
    pub parked: u64,
    /// The present trouble with the database or the broker.
    pub trouble: Option<String>,
}

/// How a relay ended.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it tells whether anything was left under way"]
pub struct RelayReport {
    /// Events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// Batches without all acknowledgements when the stop's time was over; the next relay sends
    /// their events again.
    pub abandoned_batches: usize,
    /// Why it ended without being stopped.
    pub error: Option<OutboxError>,
}

impl RelayReport {
    /// True when it was stopped, and nothing was under way.
    pub fn is_clean(&self) -> bool {
        self.abandoned_batches == 0 && self.error.is_none()
    }
}

/// One line for a log: `42 events published, batches abandoned: 1`.
impl fmt::Display for RelayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events published", self.published)?;
        if self.abandoned_batches > 0 {
            write!(f, ", batches abandoned: {}", self.abandoned_batches)?;
        }
        if let Some(error) = &self.error {
            write!(f, ", ended by: {}", with_causes(error))?;
        }
        Ok(())
    }
}

/// A relay that was started; dropping it leaves the relay running.
#[derive(Debug)]
pub struct RelayHandle {
    state: Arc<RelayState>,
    stopping: watch::Sender<bool>,
    /// Taken once; in a `Mutex` only to be `Sync`.
    ended: Mutex<Receiver<RelayReport>>,
}

impl RelayHandle {
    pub(super) fn spawn<F>(
        runtime: &Handle,
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
        let running = Arc::clone(&state);
        let own = stopping.clone();
        runtime.spawn(async move {
            // Kept: without a sender, the relay of a dropped handle would be told of a stop.
            let _own = own;
            let outcome = relay.await;
            running.running.store(false, Relaxed);
            // Fails when the handle is dropped.
            let _ = report.send(outcome);
        });
        Self {
            state,
            stopping,
            ended: Mutex::new(ended),
        }
    }

    pub(super) fn failed(error: OutboxError) -> Self {
        let (report, ended) = channel();
        let state = RelayState::default();
        state.trouble(Some(&error));
        // The receiver is below.
        let _ = report.send(RelayReport {
            published: 0,
            abandoned_batches: 0,
            error: Some(error),
        });
        Self {
            state: Arc::new(state),
            stopping: watch::channel(true).0,
            ended: Mutex::new(ended),
        }
    }

    /// Tells it to end: it takes no more events, and waits for the acknowledgements of those that it
    /// has sent. Returns at once.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Stops it and blocks until it has ended, for `within` at most; a relay that has not is left to
    /// end by itself, and the report has the error [`OutboxError::StopTimedOut`].
    ///
    /// Events that have no acknowledgement by then are sent again by the next relay.
    pub fn stop_within(self, within: Duration) -> RelayReport {
        self.stop();
        self.report(|ended| ended.recv_timeout(within))
    }

    /// Blocks until it has ended: after a [`stop`](Self::stop), for little more than
    /// [`stop_timeout`](crate::OutboxRelay::stop_timeout).
    pub fn join(self) -> RelayReport {
        self.report(|ended| ended.recv().map_err(RecvTimeoutError::from))
    }

    fn report(
        self,
        receive: impl FnOnce(&Receiver<RelayReport>) -> Result<RelayReport, RecvTimeoutError>,
    ) -> RelayReport {
        let begun = Instant::now();
        receive(&lock(&self.ended)).unwrap_or_else(|error| RelayReport {
            published: self.state.published.load(Relaxed),
            abandoned_batches: 0,
            error: Some(match error {
                RecvTimeoutError::Timeout => OutboxError::StopTimedOut {
                    after: begun.elapsed(),
                },
                RecvTimeoutError::Disconnected => OutboxError::Thread {
                    detail: "the relay panicked".to_owned(),
                },
            }),
        })
    }

    /// What it does at this moment.
    pub fn status(&self) -> RelayStatus {
        let state = &self.state;
        RelayStatus {
            running: state.running.load(Relaxed),
            published: state.published.load(Relaxed),
            refused: state.refused.load(Relaxed),
            parked: state.parked.load(Relaxed),
            trouble: lock(&state.trouble).clone(),
        }
    }
}

/// What the relay tells its handle.
#[derive(Debug, Default)]
pub(super) struct RelayState {
    pub(super) running: AtomicBool,
    pub(super) published: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) parked: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl RelayState {
    /// Notes the present trouble; true when it is another than before.
    pub(super) fn trouble(&self, error: Option<&OutboxError>) -> bool {
        let words = error.map(|error| with_causes(error));
        let mut trouble = lock(&self.trouble);
        let is_new = *trouble != words;
        *trouble = words;
        is_new
    }
}
