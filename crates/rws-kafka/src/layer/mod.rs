//! What a wrapped application answers about Kafka: one module an answer.

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

/// A middleware that makes the server's `/readyz` and `/metrics` tell of Kafka.
///
/// - `GET` and `HEAD /readyz` answer 200 or 503 with a JSON body, see
///   [`Readiness::to_json`](crate::Readiness::to_json): a degraded answer names its cause. While the server itself is not ready
///   (`rust_web_server::metrics::SERVER_READY`, which [`serve`](crate::serve) keeps) the answer is
///   503 and degraded, whatever Kafka's state.
/// - `GET /metrics` is the server's own page followed by the Kafka metrics, in the Prometheus text
///   format. The server's protobuf format is not offered, for the page could not be extended.
/// - With [`status_page`](Self::status_page), `GET` and `HEAD /kafka` and `/kafka.json` show what
///   Kafka does in this process, to people and to programs.
/// - With [`livez`](Self::livez), `GET` and `HEAD /livez` answer 503 when a worker hangs.
///
/// Everything else passes untouched, `/healthz` included: a broker that is down is no reason to
/// restart the service.
///
/// While a request is handled, the trace of its headers `traceparent` and `tracestate` is current (see
/// [`trace`](crate::trace)): what its handler publishes belongs to it. Where the application
/// is wrapped in the server's own `rust_web_server::otel::OtelLayer` before this one, the span that it
/// makes for the request is current instead.
///
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
    /// A layer that shows what is reported to [`Observer::global`].
    pub fn new() -> Self {
        Self {
            observer: Observer::global(),
            status_page: None,
            livez: None,
            own_metrics: Vec::new(),
        }
    }

    /// Shows what is reported to `observer` instead.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Adds the status page: `GET /kafka` for people, `GET /kafka.json` for programs. Off unless
    /// called.
    ///
    /// It shows names of brokers, topics, consumer groups and clients, offsets, and the texts of
    /// recent errors, with what the service's own errors say; no secret of the configuration. Whoever reaches the service can read it: `wrap` the
    /// application in the service's own authentication before this layer (the server runs layers in
    /// the order in which they were added), or let the proxy in front keep the two paths inside.
    ///
    /// The page is one file without scripts, loads nothing, and reloads itself every
    /// 10 seconds, unless asked for as `/kafka?refresh=off`.
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

    /// Adds `GET /livez`: 503 when the poll thread of a worker gave no sign of life for longer than
    /// `silence`, else 200. Off unless called.
    ///
    /// The poll thread never waits for a handler or a broker, but for a rebalance, in which it waits
    /// up to the [`drain_timeout`](crate::ConsumerConfig::drain_timeout) for messages in hand: let
    /// `silence` be longer than that. It is for a liveness probe, which restarts the process: a broker
    /// that is down changes nothing here, that is what `/readyz` tells.
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

    /// Appends metrics of the service's own to `GET /metrics`, after Kafka's. Call it again for more.
    ///
    /// `render` returns lines of the [Prometheus text format]; it is called for each scrape, on the
    /// thread of the request, so it should be quick. When it panics, its lines are left out of that answer
    /// and the panic is logged. Names should not begin with `rws_`, which the server's and ours do.
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
        // A `HEAD` gets the answer of the `GET`; the server leaves out its body. Paths are compared as
        // the layers before this one have seen them: whatever a server makes of `http://host/kafka`,
        // it is not `/kafka` here unless it was for an authentication in front, too.
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
