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

/// Seconds after which a client may repeat a request whose message could not be published.
const RETRY_AFTER: &str = "1";

/// An unreachable broker fails every request, so at most one line a second is logged.
static UNAVAILABLE_LOG: LazyLock<LogRate> = LazyLock::new(|| LogRate::new(Duration::from_secs(1)));

/// Runs the body of an HTTP handler, in which `?` works, and returns its response.
///
/// The server's handlers return a plain [`Response`], not a `Result`. This function turns an `Err` into
/// a response:
///
/// | cause | status |
/// |---|---|
/// | transient [`ProducerError`]: full queue, timeout, closed for shutdown | 503 with `Retry-After: 1` |
/// | [`BodyError::Incomplete`] | 413 |
/// | [`BodyError::InvalidLength`] | 400 |
/// | anything else | 500 |
///
/// The cause may be wrapped in the service's own errors, as long as each returns the next one from
/// `source`.
///
/// The body is `{"error":"…"}` with a fixed text for each status. The cause is logged with `tracing`
/// and never sent to the client.
///
/// A response without a body gets `Content-Length: 0`. Version 17 of the server omits it, and clients
/// then wait for a body. [`serve`](crate::serve) does the same for every response.
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
        tracing::debug!(%error, "refused a request with an invalid body");
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
            tracing::warn!(%error, held_back, "answered 503: the message could not be published");
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

/// Returns the first cause of type `E`, at any depth.
fn find<E: Error + 'static>(error: &HandlerError) -> Option<&E> {
    let outermost: &(dyn Error + 'static) = error.source();
    successors(Some(outermost), |&cause| cause.source()).find_map(|cause| cause.downcast_ref())
}

/// Returns `true` if the same request may succeed later, here or on another instance.
fn may_pass(error: &ProducerError) -> bool {
    error.is_retriable() || matches!(error, ProducerError::Closed)
}
