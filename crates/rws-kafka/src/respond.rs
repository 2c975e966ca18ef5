use crate::body::BodyError;
use crate::message;
use rust_web_server::header::Header;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka_consumer::HandlerError;
use rws_kafka_observe::LogRate;
use rws_kafka_producer::ProducerError;
use std::error::Error;
use std::iter::successors;
use std::sync::LazyLock;
use std::time::Duration;

/// Seconds after which a client may try again what could not be published.
const RETRY_AFTER: &str = "1";

/// A broker that is down fails every request: one line a second tells it.
static UNAVAILABLE_LOG: LazyLock<LogRate> = LazyLock::new(|| LogRate::new(Duration::from_secs(1)));

/// Runs the body of an HTTP handler in which `?` works.
///
/// The server's handlers return a plain [`Response`]; this turns an `Err` into one:
///
/// | cause | status |
/// |---|---|
/// | [`ProducerError`] that may pass: full queue, timeout, closed for shutdown | 503 with `Retry-After: 1` |
/// | [`BodyError::Incomplete`] | 413 |
/// | [`BodyError::InvalidLength`] | 400 |
/// | anything else | 500 |
///
/// The cause may be wrapped in errors of the service's own that name it as their source.
///
/// The body is `{"error":"…"}`, a fixed text for each status: the cause goes to the log
/// (`tracing`), never to the client.
///
/// A response without a body gets `Content-Length: 0`, which version 17 of the server leaves out: its
/// clients would wait for a body. [`serve`](crate::serve) does the same for every response.
///
/// ```
/// use rust_web_server::app::App;
/// use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
///
/// struct State {
///     producer: rws_kafka::KafkaProducer,
/// }
///
/// # fn with(producer: rws_kafka::KafkaProducer) {
/// let app = App::with_state(State { producer }).post("/orders", |req, _params, _conn, state| {
///     rws_kafka::respond(|| {
///         state.producer.send("orders.created", rws_kafka::body(req)?)?;
///         let accepted = STATUS_CODE_REASON_PHRASE.n202_accepted;
///         Ok(Response::get_response(accepted, None, None))
///     })
/// });
/// # }
/// ```
pub fn respond(handler: impl FnOnce() -> Result<Response, HandlerError>) -> Response {
    let mut response = handler().unwrap_or_else(|error| answer(&error));
    message::announce_empty_body(&mut response);
    response
}

fn answer(error: &HandlerError) -> Response {
    if let Some(error) = find::<BodyError>(error) {
        tracing::debug!(%error, "refused a request");
        return match error {
            BodyError::Incomplete { .. } => message::json(
                STATUS_CODE_REASON_PHRASE.n413_payload_too_large,
                vec![],
                r#"{"error":"request body too large"}"#,
            ),
            BodyError::InvalidLength { .. } => message::json(
                STATUS_CODE_REASON_PHRASE.n400_bad_request,
                vec![],
                r#"{"error":"invalid Content-Length"}"#,
            ),
        };
    }
    if find::<ProducerError>(error).is_some_and(may_pass) {
        if let Some(held_back) = UNAVAILABLE_LOG.admit() {
            let held_back = rws_kafka_observe::non_zero(held_back);
            tracing::warn!(%error, held_back, "answered 503: Kafka does not take the message");
        }
        return message::json(
            STATUS_CODE_REASON_PHRASE.n503_service_unavailable,
            vec![message::header(Header::_RETRY_AFTER, RETRY_AFTER)],
            r#"{"error":"temporarily unavailable"}"#,
        );
    }
    tracing::error!(%error, "answered 500: an HTTP handler failed");
    message::json(
        STATUS_CODE_REASON_PHRASE.n500_internal_server_error,
        vec![],
        r#"{"error":"internal server error"}"#,
    )
}

/// The first cause of this type, however deep in errors of the service's own.
fn find<E: Error + 'static>(error: &HandlerError) -> Option<&E> {
    let outermost: &(dyn Error + 'static) = error.source();
    successors(Some(outermost), |&cause| cause.source()).find_map(|cause| cause.downcast_ref())
}

/// Whether the same request may succeed later, here or on another instance.
fn may_pass(error: &ProducerError) -> bool {
    error.is_retriable() || matches!(error, ProducerError::Closed)
}
