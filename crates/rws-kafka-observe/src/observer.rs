use crate::health::{ConsumerHealth, HealthBoard, ProducerHealth};
use crate::metrics::Metrics;
use crate::outbox_health::OutboxHealth;
use crate::readiness::Readiness;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static GLOBAL: LazyLock<Observer> = LazyLock::new(Observer::new);

/// Collects the metrics and the health of every producer and consumer that reports to it.
///
/// Cheap to clone; all clones are one collector.
#[derive(Clone, Debug)]
pub struct Observer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    board: HealthBoard,
}

impl Observer {
    /// A collector of its own, with nothing in it.
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                metrics: Metrics::new(),
                board: HealthBoard::default(),
            }),
        }
    }

    /// The collector that producers and consumers report to when they are given no other.
    pub fn global() -> Self {
        GLOBAL.clone()
    }

    /// The metric families.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The metrics as a page in the [Prometheus text format], version 0.0.4.
    ///
    /// [Prometheus text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
    pub fn render(&self) -> String {
        self.inner.metrics.render()
    }

    /// Adds a producer to what readiness depends on, until the handle's last clone is dropped.
    ///
    /// It counts as unreachable until [`ProducerHealth::reachable`] is called.
    pub fn register_producer(&self) -> ProducerHealth {
        self.inner.board.add_producer()
    }

    /// Adds a consumer of `group` to what readiness depends on, until the handle's last clone is
    /// dropped.
    ///
    /// With work in sight and nothing committed for `lag_timeout` it counts as stalled. It counts
    /// as rebalancing until its first assignment.
    pub fn register_consumer(&self, group: &str, lag_timeout: Duration) -> ConsumerHealth {
        self.inner.board.add_consumer(group, lag_timeout)
    }

    /// Adds an outbox relay to what readiness depends on, until the handle's last clone is dropped.
    ///
    /// With events in sight and none published for `stall_timeout` it counts as stalled.
    pub fn register_outbox(&self, stall_timeout: Duration) -> OutboxHealth {
        self.inner.board.add_relay(stall_timeout)
    }

    /// Whether the service can do its Kafka work at this moment.
    ///
    /// Reads what the background probes last found: takes microseconds and does no I/O.
    pub fn readiness(&self) -> Readiness {
        self.inner.board.readiness()
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
