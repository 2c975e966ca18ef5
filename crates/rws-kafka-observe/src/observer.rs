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

/// Collects the metrics and the health of all producers, consumers and relays that report to it.
///
/// Cloning is cheap; all clones share one collection.
///
/// ```
/// use rws_kafka_observe::Observer;
///
/// let observer = Observer::new();
/// observer.metrics().produced_to("orders.created");
/// assert!(observer.render().contains("rws_kafka_messages_produced_total"));
/// ```
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
    /// Returns a new, empty observer that shares nothing with [`global`](Self::global).
    pub fn new() -> Self {
        Self::with_metrics(true)
    }

    /// Returns an observer that records no metrics, so that [`render`](Self::render) returns an empty page.
    ///
    /// Readiness and the status of clients work as usual, but the status has no counts of dead letters.
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

    /// Returns the observer that producers and consumers report to unless they are given another one.
    pub fn global() -> Self {
        GLOBAL.clone()
    }

    /// Returns the metric families, whose methods return recorders.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns the metrics as a page in the [Prometheus text format], version 0.0.4.
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

    /// Sets how many topics get a label of their own (default 200). All topics after them share the topic
    /// `other`. Topics that already have a label keep it.
    pub fn limit_topics(&self, topics: usize) {
        self.inner.metrics.limit_topics(topics);
    }

    /// Makes readiness depend on a producer, until the last clone of the handle is dropped.
    ///
    /// The producer counts as unreachable until [`ProducerHealth::reachable`] is called.
    pub fn register_producer(&self) -> ProducerHealth {
        self.inner.board.add_producer()
    }

    /// Makes readiness depend on a consumer of `group`, until the last clone of the handle is dropped.
    /// If the consumer failed, this also lasts until [`told`](ConsumerHealth::told) is called.
    ///
    /// The consumer counts as rebalancing until its first assignment. It counts as stalled if it has work
    /// and commits nothing for `lag_timeout`.
    pub fn register_consumer(&self, group: &str, lag_timeout: Duration) -> ConsumerHealth {
        self.inner.board.add_consumer(group, lag_timeout)
    }

    /// Adds the brokers that clients with this `client_id` know, until the handle is dropped.
    pub fn register_brokers(&self, client: &str) -> BrokersOf {
        self.inner.brokers.of(client)
    }

    /// Makes readiness depend on an outbox relay, until the last clone of the handle is dropped. If the
    /// relay failed, this also lasts until [`told`](OutboxHealth::told) is called.
    ///
    /// The relay counts as stalled if there are events and none is published for `stall_timeout`.
    pub fn register_outbox(&self, stall_timeout: Duration) -> OutboxHealth {
        self.inner.board.add_relay(stall_timeout)
    }

    /// Returns the readiness of the service for its Kafka work now.
    ///
    /// It reads what the background probes found last, takes microseconds and does no I/O.
    pub fn readiness(&self) -> Readiness {
        self.inner.board.readiness()
    }

    /// Returns the age of the oldest poll-thread heartbeat over all running consumers, or `None` if no
    /// consumer runs.
    ///
    /// The poll thread never waits for a broker or a handler, except in a rebalance: then it waits for
    /// the hooks and, up to the drain timeout, for messages in flight. A consumer that ended with an
    /// error has no poll thread; readiness reports it.
    pub fn liveness(&self) -> Option<Duration> {
        self.inner.board.liveness()
    }

    /// Returns everything that is known now, for a status page. It does not wait for a broker.
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

    /// Adds an error to the recent errors in the [`Status`]. `source` says where it happened, such as
    /// `consumer my-group`.
    ///
    /// The last 50 errors are kept. An error with the same source and message is counted, not added again.
    /// `message` must not contain secrets.
    pub fn note_error(&self, source: &str, message: &str) {
        self.inner.errors.note(source, message);
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
