//! The answers about Kafka that a wrapped application gives, one module for each.

mod livez;
mod metrics;
mod readyz;
mod status_page;

use crate::message;
use metrics::OwnMetrics;
use rust_web_server::application::Application;
use rust_web_server::middleware::Middleware;
use rust_web_server::request::{METHOD, Request};
use rust_web_server::response::Response;
use rust_web_server::server::ConnectionInfo;
use rws_kafka_observe::Observer;
use rws_kafka_observe::trace::TraceContext;
use status_page::StatusPage;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A middleware that adds Kafka to the server's `/readyz` and `/metrics`.
///
/// - `GET` and `HEAD /readyz` answer 200 or 503 with a JSON body; see
///   [`Readiness::to_json`](crate::Readiness::to_json).
/// - `GET /metrics` answers the server's own page followed by the Kafka metrics, as Prometheus text.
/// - With [`status_page`](Self::status_page), `GET` and `HEAD /kafka` and `/kafka.json` show the state
///   of Kafka in this process.
/// - With [`livez`](Self::livez), `GET` and `HEAD /livez` answer 503 if a worker's poll thread hangs.
///
/// The body of a 503 from `/readyz` names the cause. While the server itself is not ready
/// (`rust_web_server::metrics::SERVER_READY`, which [`serve`](crate::serve) maintains), the answer is
/// 503, whatever Kafka's state.
///
/// `/metrics` never uses the server's protobuf format, because that page could not be extended.
///
/// All other requests pass unchanged, including `/healthz`: an unreachable broker is not a cause to
/// restart the service.
///
/// While a request is handled, the trace in its headers `traceparent` and `tracestate` is current (see
/// [`trace`](crate::trace)), and the messages that its handler publishes belong to it. If the
/// application was wrapped in the server's own `rust_web_server::otel::OtelLayer` before this layer, the
/// span that it makes for the request is current instead.
/// ```
/// use rust_web_server::app::App;
/// use rust_web_server::test_client::TestClient;
/// use rws_kafka::KafkaLayer;
///
/// let app = App::with_state(()).wrap(KafkaLayer::new());
///
/// let page = TestClient::new(app).get("/metrics").send();
/// assert!(page.body_text().contains("rws_requests_total"));
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until an application is wrapped in it"]
pub struct KafkaLayer {
    observer: Observer,
    status_page: Option<StatusPage>,
    livez: Option<Duration>,
    own_metrics: Vec<OwnMetrics>,
}

impl KafkaLayer {
    /// Returns a layer that shows what is reported to [`Observer::global`].
    pub fn new() -> Self {
        Self {
            observer: Observer::global(),
            status_page: None,
            livez: None,
            own_metrics: Vec::new(),
        }
    }

    /// Shows what is reported to `observer` instead of [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Adds the status page: `GET /kafka` for people and `GET /kafka.json` for programs. Off by default.
    ///
    /// It shows the names of brokers, topics, consumer groups and clients, offsets, and the texts of
    /// recent errors, including the service's own. It shows no secrets of the configuration. Everyone who
    /// can reach the service can read it. To restrict access, `wrap` the application in the service's own
    /// authentication before this layer (the server runs layers in the order in which they were added),
    /// or let a proxy block the two paths from outside.
    ///
    /// The page is one file without scripts and loads nothing else. It reloads itself every 10 seconds,
    /// unless it is requested as `/kafka?refresh=off`.
    ///
    /// ```
    /// use rust_web_server::app::App;
    /// use rust_web_server::test_client::TestClient;
    /// use rws_kafka::KafkaLayer;
    ///
    /// let app = App::with_state(()).wrap(KafkaLayer::new().status_page());
    ///
    /// let page = TestClient::new(app).get("/kafka").send();
    /// assert!(page.body_text().contains("<h1>Kafka</h1>"));
    /// ```
    pub fn status_page(mut self) -> Self {
        self.status_page = Some(StatusPage::new());
        self
    }

    /// Adds `GET /livez` for a liveness probe. Off by default.
    ///
    /// It answers 503 when the last heartbeat of a worker's poll thread is older than `silence`, and
    /// otherwise 200. A poll thread never waits for a handler or a broker, except during a rebalance: then
    /// it waits up to the [`drain_timeout`](crate::ConsumerConfig::drain_timeout) for messages in flight.
    /// Set `silence` to more than that.
    ///
    /// An unreachable broker does not change the answer, because a restart would not help; `/readyz`
    /// reports it.
    ///
    /// ```
    /// use rust_web_server::app::App;
    /// use rust_web_server::test_client::TestClient;
    /// use rws_kafka::KafkaLayer;
    /// use std::time::Duration;
    ///
    /// let app = App::with_state(()).wrap(KafkaLayer::new().livez(Duration::from_secs(60)));
    ///
    /// let answer = TestClient::new(app).get("/livez").send();
    /// assert_eq!(answer.body_text(), r#"{"status":"ok","kafka_poll_age_ms":null}"#);
    /// ```
    pub fn livez(mut self, silence: Duration) -> Self {
        self.livez = Some(silence);
        self
    }

    pub(crate) fn livez_unless_set(mut self, silence: Duration) -> Self {
        self.livez.get_or_insert(silence);
        self
    }

    /// Appends the service's own metrics to `GET /metrics`, after Kafka's. Each call adds more.
    ///
    /// `render` returns lines in the [Prometheus text format]. It runs for each scrape, on the request's
    /// thread, so it should be quick. If it panics, its lines are missing from that answer and the panic
    /// is logged. Do not use names that begin with `rws_`: the server and this crate use them.
    ///
    /// ```
    /// use rust_web_server::app::App;
    /// use rust_web_server::test_client::TestClient;
    /// use rws_kafka::KafkaLayer;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// static ORDERS: AtomicU64 = AtomicU64::new(7);
    ///
    /// let layer = KafkaLayer::new().append_metrics(|| {
    ///     let orders = ORDERS.load(Ordering::Relaxed);
    ///     format!("# TYPE orders_total counter\norders_total {orders}\n")
    /// });
    ///
    /// let page = TestClient::new(App::with_state(()).wrap(layer)).get("/metrics").send();
    /// assert!(page.body_text().ends_with("\norders_total 7\n"));
    /// ```
    ///
    /// [Prometheus text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
    pub fn append_metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.own_metrics.push(Arc::new(render));
        self
    }
}

impl fmt::Debug for KafkaLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLayer")
            .field("observer", &self.observer)
            .field("status_page", &self.status_page)
            .field("livez", &self.livez)
            .field("own_metrics", &self.own_metrics.len())
            .finish()
    }
}

impl Default for KafkaLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for KafkaLayer {
    fn handle(
        &self,
        request: &Request,
        connection: &ConnectionInfo,
        next: &dyn Application,
    ) -> Result<Response, String> {
        let is_get = request.method == METHOD.get;
        let pass = || {
            let trace = crate::trace::of_request(request);
            let _scope = trace.as_ref().map(TraceContext::enter);
            next.execute(request, connection)
        };
        if !is_get && request.method != METHOD.head {
            return pass();
        }
        // A `HEAD` gets the answer of the `GET`, and the server omits the body. Compare the paths as the
        // layers before this one saw them: if a server rewrites `http://host/kafka`, it must be `/kafka`
        // for an authentication in front of this layer too.
        match (message::path(request), &self.status_page, self.livez) {
            ("/readyz", ..) => Ok(readyz::answer(&self.observer, request)),
            ("/metrics", ..) if is_get => {
                metrics::answer(&self.observer, &self.own_metrics, request, connection, next)
            }
            ("/kafka", Some(page), _) => Ok(page.html(&self.observer, request)),
            ("/kafka.json", Some(page), _) => Ok(page.json(&self.observer, request)),
            ("/livez", _, Some(silence)) => Ok(livez::answer(&self.observer, silence, request)),
            _ => pass(),
        }
    }
}
