//! Answers `/readyz`: whether the service can do its Kafka work.

use crate::message;
use rust_web_server::metrics::SERVER_READY;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka_observe::{Observer, Readiness};
use std::sync::atomic::Ordering;

pub(super) fn answer(observer: &Observer, request: &Request) -> Response {
    let readiness = readiness(observer);
    let status = if readiness.is_ready() {
        STATUS_CODE_REASON_PHRASE.n200_ok
    } else {
        STATUS_CODE_REASON_PHRASE.n503_service_unavailable
    };
    message::json(status, message::own_headers(request), readiness.to_json())
}

/// Returns the readiness of Kafka and the server together.
pub(super) fn readiness(observer: &Observer) -> Readiness {
    observer.readiness().and_server(server_is_ready())
}

pub(super) fn server_is_ready() -> bool {
    SERVER_READY.load(Ordering::SeqCst)
}
