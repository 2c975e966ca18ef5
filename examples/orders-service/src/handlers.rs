//! The HTTP side.

use crate::orders::Order;
use crate::store::{Placed, Store};
use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{
    Response, STATUS_CODE_REASON_PHRASE as STATUS, StatusCodeReasonPhrase,
};
use rust_web_server::router::PathParams;
use rust_web_server::server::ConnectionInfo;
use serde_json::json;
use std::sync::Arc;

/// The maximum size of a request body, in bytes: far more than an order needs.
const MAX_BODY: usize = 8 * 1024;

/// The state that every handler gets.
pub(crate) type State = Arc<Store>;

/// `POST /orders`: accepts the order, which is published if, and only if, it is stored. It is fulfilled later,
/// hence 202 and not 201.
pub(crate) fn create(
    request: &Request,
    _params: &PathParams,
    _connection: &ConnectionInfo,
    state: &State,
) -> Response {
    rws_kafka::respond(|| {
        let body = rws_kafka::body(request)?;
        if body.len() > MAX_BODY {
            let reason = format!(
                "an order has at most {MAX_BODY} bytes, found {}",
                body.len()
            );
            return Ok(error(request, STATUS.n413_payload_too_large, &reason));
        }
        let order = match Order::parse(body) {
            Ok(order) => order,
            Err(reason) => {
                let reason = reason.to_string();
                return Ok(error(request, STATUS.n400_bad_request, &reason));
            }
        };
        if state.place(order)? == Placed::Conflict {
            let reason = format!("order {} already exists", order.order_id);
            return Ok(error(request, STATUS.n409_conflict, &reason));
        }
        let accepted = json!({"order_id": order.order_id, "status": "accepted"});
        Ok(answer(request, STATUS.n202_accepted, accepted.to_string()))
    })
}

/// `GET /orders/1`: 404 until the worker has fulfilled it.
pub(crate) fn show(
    request: &Request,
    params: &PathParams,
    _connection: &ConnectionInfo,
    state: &State,
) -> Response {
    let id = params.get("id").unwrap_or_default();
    let Ok(id) = id.parse() else {
        let reason = "the id of an order must be a number";
        return error(request, STATUS.n400_bad_request, reason);
    };
    rws_kafka::respond(|| {
        Ok(match state.fulfilled(id)? {
            Some(order) => answer(request, STATUS.n200_ok, order),
            None => {
                let reason = format!("order {id} is not fulfilled");
                error(request, STATUS.n404_not_found, &reason)
            }
        })
    })
}

fn error(request: &Request, status: &StatusCodeReasonPhrase, reason: &str) -> Response {
    answer(request, status, json!({ "error": reason }).to_string())
}

fn answer(request: &Request, status: &StatusCodeReasonPhrase, json: String) -> Response {
    let json_type = MimeType::APPLICATION_JSON.to_owned();
    let body = Range::get_content_range(json.into_bytes(), json_type);
    let headers = Header::get_header_list(request);
    Response::get_response(status, Some(headers), Some(vec![body]))
}
