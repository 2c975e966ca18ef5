use crate::engine::Engine;
use crate::report::{StopDetails, StopReport};
use crate::status::ConsumerStatus;
use rws_kafka_client::Deadline;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running worker. Clones are one worker; dropping them all leaves it running.
///
/// A worker that failed makes readiness degraded until [`join`](Self::join) or [`stop`](Self::stop) has
/// returned its error and the handle is dropped: who starts workers without keeping their handles finds
/// them there.
#[derive(Clone)]
pub struct ConsumerHandle {
    engine: Arc<Engine>,
}

/// What waiting for the group takes beyond the deadline of a stop.
const LEAVE: Duration = Duration::from_secs(2);

impl ConsumerHandle {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Asks the worker to stop and returns at once; [`join`](Self::join) tells when it has.
    pub fn initiate_stop(&self) {
        self.engine.stop.ask(self.engine.settings.drain_timeout);
    }

    /// Stops the worker: hands out no more messages, waits for those in hand, commits, leaves the
    /// group; all within the [`drain_timeout`](crate::ConsumerConfig::drain_timeout).
    ///
    /// Messages that were fetched and not begun are dropped and come again. Called from within a
    /// handler it waits for that handler, and so for the whole timeout: call
    /// [`initiate_stop`](Self::initiate_stop) there.
    pub fn stop(&self) -> StopReport {
        self.stop_within(self.engine.settings.drain_timeout)
    }

    /// As [`stop`](Self::stop), within `timeout`. Takes up to two seconds more when the broker does
    /// not answer.
    pub fn stop_within(&self, timeout: Duration) -> StopReport {
        self.engine.stop.ask(timeout);
        let until = Instant::now().checked_add(timeout.saturating_add(LEAVE));
        self.wait(until).unwrap_or_else(|| {
            let report = StopReport::from(StopDetails {
                // The poll thread is still in a rebalance that began before the stop.
                unfinished: self.engine.in_hand(),
                ..StopDetails::default()
            });
            self.handed_out(report)
        })
    }

    /// Waits until the worker has ended, however long it runs.
    ///
    /// `main` ends with its report as a result: `worker.join().into_result()?`. A failure that nobody
    /// reads in the report is logged when it is dropped.
    pub fn join(&self) -> StopReport {
        self.wait(None).unwrap_or_default()
    }

    /// Waits until the worker has ended, for `timeout` at most.
    pub fn join_timeout(&self, timeout: Duration) -> Option<StopReport> {
        self.wait(Instant::now().checked_add(timeout))
    }

    fn wait(&self, until: Option<Instant>) -> Option<StopReport> {
        let report = self.engine.stop.wait(until)?;
        self.engine.health.told();
        Some(self.handed_out(report))
    }

    fn handed_out(&self, report: StopReport) -> StopReport {
        report.handed_out(self.engine.group(), &self.engine.stop.is_read)
    }

    /// Waits until the group has given the worker its partitions, for `timeout` at most; true when
    /// it has. An assignment of none counts.
    pub fn wait_ready(&self, timeout: Duration) -> bool {
        self.engine
            .wait_assigned(Deadline::after(timeout).instant())
    }

    /// Leaves messages alone from now on: those in hand go on, the group is kept, and what was
    /// fetched waits. A retry that is due waits, too; readiness does not call the worker stalled.
    pub fn pause(&self) {
        self.engine.pause(true);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.engine.pause(false);
    }

    /// What the worker is doing at this moment. Asks no broker.
    pub fn status(&self) -> ConsumerStatus {
        self.engine.status()
    }
}

impl fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle")
            .field("group", &self.engine.group())
            .field("stopped", &self.engine.stop.is_over())
            .finish_non_exhaustive()
    }
}
