//! Answers `/livez`: whether the workers' poll threads run.

use crate::message;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka_observe::Observer;
use std::time::Duration;

pub(super) fn answer(observer: &Observer, silence: Duration, request: &Request) -> Response {
    let age = observer.liveness();
    let (code, status) = if age.is_some_and(|age| age > silence) {
        (STATUS_CODE_REASON_PHRASE.n503_service_unavailable, "stuck")
    } else {
        (STATUS_CODE_REASON_PHRASE.n200_ok, "ok")
    };
    let age = age.map_or_else(|| "null".to_owned(), |age| age.as_millis().to_string());
    let body = format!(r#"{{"status":"{status}","kafka_poll_age_ms":{age}}}"#);
    message::json(code, message::own_headers(request), body)
}
