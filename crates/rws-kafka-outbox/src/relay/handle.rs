use crate::error::OutboxError;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
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

    /// Blocks until it has ended: after a [`stop`](Self::stop), for little more than
    /// [`stop_timeout`](crate::OutboxRelay::stop_timeout).
    pub fn join(self) -> RelayReport {
        let ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        ended.recv().unwrap_or_else(|_| RelayReport {
            published: self.state.published.load(Relaxed),
            abandoned_batches: 0,
            error: Some(OutboxError::Thread {
                detail: "the relay panicked".to_owned(),
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
            trouble: state.lock().clone(),
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
        let words = error.map(|error| super::failure::with_causes(error));
        let mut trouble = self.lock();
        let is_new = *trouble != words;
        *trouble = words;
        is_new
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
