use crate::engine::Engine;
use crate::report::{StopDetails, StopReport};
use crate::status::ConsumerStatus;
use rws_kafka_client::Deadline;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A handle of a running worker.
///
/// All clones refer to the same worker. Dropping them all leaves it running.
///
/// If a worker fails, readiness stays degraded until [`join`](Self::join) or [`stop`](Self::stop) has
/// returned the error and the handle is dropped, so that failures stay visible even if the handle was dropped
/// before.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
/// use std::time::Duration;
///
/// let handle = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .start(|msg: ConsumerContext| msg.commit());
/// if !handle.wait_ready(Duration::from_secs(30)) {
///     println!("no partitions yet: {:?}", handle.status().last_error);
/// }
/// handle.stop().into_result()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ConsumerHandle {
    engine: Arc<Engine>,
}

/// How much longer than its deadline a stop may take, to leave the group.
const LEAVE: Duration = Duration::from_secs(2);

impl ConsumerHandle {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Asks the worker to stop, and returns at once. [`join`](Self::join) waits until it has stopped.
    pub fn initiate_stop(&self) {
        self.engine.stop.ask(self.engine.settings.drain_timeout);
    }

    /// Stops the worker: it hands out no more messages, waits for those in flight, commits, and leaves the
    /// group, all within the [`drain_timeout`](crate::ConsumerConfig::drain_timeout).
    ///
    /// Messages that were fetched but not handed out are dropped, and are delivered again.
    ///
    /// A handler must not call `stop`: it would wait for itself until the timeout. Handlers call
    /// [`initiate_stop`](Self::initiate_stop) instead.
    pub fn stop(&self) -> StopReport {
        self.stop_within(self.engine.settings.drain_timeout)
    }

    /// Stops the worker as [`stop`](Self::stop) does, within `timeout` instead of the `drain_timeout`. It
    /// takes up to 2 s longer if the broker does not answer.
    pub fn stop_within(&self, timeout: Duration) -> StopReport {
        self.engine.stop.ask(timeout);
        let until = Instant::now().checked_add(timeout.saturating_add(LEAVE));
        self.wait(until).unwrap_or_else(|| {
            let report = StopReport::from(StopDetails {
                // A rebalance that began before the stop still occupies the poll thread.
                unfinished: self.engine.in_flight(),
                ..StopDetails::default()
            });
            self.handed_out(report)
        })
    }

    /// Blocks until the worker has ended.
    ///
    /// Its report can be the result of `main`: `worker.join().into_result()?`. A failure is logged if the
    /// report is dropped before anybody has read it.
    pub fn join(&self) -> StopReport {
        self.wait(None).unwrap_or_default()
    }

    /// Blocks until the worker has ended, for at most `timeout`. Returns `None` if the worker is still
    /// running.
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

    /// Blocks until the group has assigned partitions to the worker, for at most `timeout`. Returns `true` if
    /// it has, even if the assignment is empty.
    pub fn wait_ready(&self, timeout: Duration) -> bool {
        self.engine
            .wait_assigned(Deadline::after(timeout).instant())
    }

    /// Pauses the handling of messages. Messages in flight continue, and the worker stays in its group.
    ///
    /// Messages that were fetched wait, and so do retries that are due. Readiness does not report a paused
    /// worker as stalled.
    pub fn pause(&self) {
        self.engine.pause(true);
    }

    /// Resumes the handling of messages after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.engine.pause(false);
    }

    /// Returns the current status of the worker. It does not ask the broker.
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
