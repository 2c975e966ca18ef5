use crate::brokers::{Brokers, BrokersOf};
use crate::consumer_health::ConsumerHealth;
use crate::errors::RecentErrors;
use crate::health::HealthBoard;
use crate::live;
use crate::metrics::Metrics;
use crate::outbox_health::OutboxHealth;
use crate::producer_health::ProducerHealth;
use crate::readiness::Readiness;
use crate::reading;
use crate::status::Status;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TextEncoder};
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
    brokers: Brokers,
    errors: RecentErrors,
}

impl Observer {
    /// A collector of its own, with nothing in it.
    pub fn new() -> Self {
        Self::with_metrics(true)
    }

    /// One that records no metrics, for those who have no use for them: its page is empty. Readiness
    /// and the status of clients are kept, but not how many dead letters there were.
    pub fn without_metrics() -> Self {
        Self::with_metrics(false)
    }

    fn with_metrics(is_on: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                metrics: Metrics::new(is_on),
                brokers: Brokers::default(),
                board: HealthBoard::default(),
                errors: RecentErrors::default(),
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
        let mut families = self.families();
        families.sort_by(|one, other| one.name().cmp(other.name()));
        let mut page = Vec::new();
        TextEncoder::new()
            .encode(&families, &mut page)
            .expect("writing to a Vec does not fail");
        String::from_utf8(page).expect("the encoder writes UTF-8")
    }

    fn families(&self) -> Vec<MetricFamily> {
        let Inner { metrics, board, .. } = &*self.inner;
        if !metrics.is_on() {
            return Vec::new();
        }
        let mut families = metrics.gather();
        families.extend(live::gather(
            &board.consumers(),
            &board.producers(),
            &self.inner.brokers.list(),
        ));
        families
    }

    /// Gives the first `topics` topics a label of their own; those after them share the topic `other`.
    /// Default 200. Topics that have a label keep it.
    pub fn limit_topics(&self, topics: usize) {
        self.inner.metrics.limit_topics(topics);
    }

    /// Adds a producer to what readiness depends on, until the handle's last clone is dropped.
    ///
    /// It counts as unreachable until [`ProducerHealth::reachable`] is called.
    pub fn register_producer(&self) -> ProducerHealth {
        self.inner.board.add_producer()
    }

    /// Adds a consumer of `group` to what readiness depends on, until the handle's last clone is
    /// dropped; one that failed, until someone was [told](ConsumerHealth::told), too.
    ///
    /// With work in sight and nothing committed for `lag_timeout` it counts as stalled. It counts
    /// as rebalancing until its first assignment.
    pub fn register_consumer(&self, group: &str, lag_timeout: Duration) -> ConsumerHealth {
        self.inner.board.add_consumer(group, lag_timeout)
    }

    /// Takes up what a client of this `client_id` learns of its brokers, until the handle is dropped.
    pub fn register_brokers(&self, client: &str) -> BrokersOf {
        self.inner.brokers.of(client)
    }

    /// Adds an outbox relay to what readiness depends on, until the handle's last clone is dropped; one
    /// that failed, until someone was [told](OutboxHealth::told), too.
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

    /// How long ago the thread that polls was last seen at work, of the consumer of which that is
    /// longest; `None` without a consumer that runs.
    ///
    /// That thread waits for no broker and no handler, but for the hooks of a rebalance and, for the
    /// drain timeout at most, for messages in hand then. A consumer that ended with an error has no
    /// such thread: readiness tells of it.
    pub fn liveness(&self) -> Option<Duration> {
        self.inner.board.liveness()
    }

    /// Everything that is known at this moment, for a page. Waits for no broker.
    pub fn status(&self) -> Status {
        let metrics = &self.inner.metrics;
        Status {
            brokers: self.inner.brokers.list(),
            producers: self.inner.board.producers(),
            consumers: self.inner.board.consumers(),
            outboxes: reading::outboxes(&metrics.outbox),
            dead_letters: reading::dead_letters(&metrics.consumed),
            errors: self.inner.errors.list(),
        }
    }

    /// Something went wrong; `source` tells where, such as `consumer my-group`.
    ///
    /// The last 50 are kept; the same words again are counted. `message` must hold no secret.
    pub fn note_error(&self, source: &str, message: &str) {
        self.inner.errors.note(source, message);
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
