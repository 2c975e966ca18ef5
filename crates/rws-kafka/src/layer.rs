use crate::message;
use rust_web_server::application::Application;
use rust_web_server::header::Header;
use rust_web_server::metrics::SERVER_READY;
use rust_web_server::middleware::Middleware;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::{METHOD, Request};
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::server::ConnectionInfo;
use rws_kafka_observe::Observer;
use rws_kafka_observe::trace::TraceContext;
use std::borrow::Cow;
use std::sync::atomic::Ordering;

/// A middleware that makes the server's `/readyz` and `/metrics` tell of Kafka.
///
/// - `GET` and `HEAD /readyz` answer 200 or 503 with a JSON body, see
///   [`Readiness::to_json`](crate::Readiness::to_json). While the server itself is not ready
///   (`rust_web_server::metrics::SERVER_READY`, which [`serve`](crate::serve) keeps) the answer is
///   503 and degraded, whatever Kafka's state.
/// - `GET /metrics` is the server's own page followed by the Kafka metrics, in the Prometheus text
///   format. The server's protobuf format is not offered, for the page could not be extended.
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
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until an application is wrapped in it"]
pub struct KafkaLayer {
    observer: Observer,
}

impl KafkaLayer {
    /// A layer that shows what is reported to [`Observer::global`].
    pub fn new() -> Self {
        Self {
            observer: Observer::global(),
        }
    }

    /// Shows what is reported to `observer` instead.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    fn readyz(&self, request: &Request) -> Response {
        let server_is_ready = SERVER_READY.load(Ordering::SeqCst);
        let readiness = self.observer.readiness().and_server(server_is_ready);
        let status = if readiness.is_ready() {
            STATUS_CODE_REASON_PHRASE.n200_ok
        } else {
            STATUS_CODE_REASON_PHRASE.n503_service_unavailable
        };
        let headers = Header::get_header_list(request);
        message::json(status, headers, readiness.to_json())
    }

    fn append_metrics(&self, page: &mut Response) {
        let is_ok = page.status_code == *STATUS_CODE_REASON_PHRASE.n200_ok.status_code;
        let is_encoded = message::header_value(&page.headers, Header::_CONTENT_ENCODING).is_some();
        let [part] = page.content_range_list.as_mut_slice() else {
            return;
        };
        if !is_ok || is_encoded || !part.content_type.starts_with(MimeType::TEXT_PLAIN) {
            return;
        }
        let mut text = std::mem::take(&mut part.body);
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        text.extend_from_slice(self.observer.render().as_bytes());
        // Built anew, for the part also holds the body's length.
        let content_type = std::mem::take(&mut part.content_type);
        *part = Range::get_content_range(text, content_type);
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
        match message::path(request) {
            "/readyz" if is_get || request.method == METHOD.head => Ok(self.readyz(request)),
            "/metrics" if is_get => {
                let mut page = next.execute(&without_protobuf(request), connection)?;
                self.append_metrics(&mut page);
                Ok(page)
            }
            _ => {
                let trace = crate::trace::of_request(request);
                let _scope = trace.as_ref().map(TraceContext::enter);
                next.execute(request, connection)
            }
        }
    }
}

/// Version 18 of the server would answer a scraper that accepts protobuf in that format.
fn without_protobuf(request: &Request) -> Cow<'_, Request> {
    let asks_for_protobuf = |header: &Header| {
        header.name.eq_ignore_ascii_case(Header::_ACCEPT)
            && header.value.to_ascii_lowercase().contains("protobuf")
    };
    if !request.headers.iter().any(asks_for_protobuf) {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    request.headers.retain(|header| !asks_for_protobuf(header));
    Cow::Owned(request)
}
