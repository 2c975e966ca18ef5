//! The request body, as the server's versions hand it on.

mod common;

use common::http::closing;
use common::wire::exchange_raw;
use rust_web_server::app::App;
use rust_web_server::header::Header;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{BodyError, body};

fn request(head: &str, body: &[u8]) -> Request {
    let head = format!("POST / HTTP/1.1\r\n{head}\r\n");
    Request::parse(&[head.as_bytes(), body].concat()).expect("a request")
}

#[test]
fn it_is_what_the_client_sent() {
    let app = App::with_state(()).post("/echo", |req, _params, _conn, _state| {
        rws_kafka::respond(|| {
            let body = Range::get_content_range(body(req)?.to_vec(), "text/plain".to_owned());
            let ok = STATUS_CODE_REASON_PHRASE.n200_ok;
            Ok(Response::get_response(ok, None, Some(vec![body])))
        })
    });

    let answer = exchange_raw(app, &closing("POST", "/echo", r#"{"order_id":1}"#));

    assert_eq!(answer.body, r#"{"order_id":1}"#);
}

#[test]
fn zeros_after_the_content_length_are_cut_off() {
    let request = request("Content-Length: 3\r\n", b"abc\0\0\0\0");
    assert_eq!(body(&request), Ok(&b"abc"[..]));
}

#[test]
fn zeros_within_the_content_length_are_kept() {
    let request = request("content-length: 4\r\n", b"ab\0\0\0\0");
    assert_eq!(body(&request), Ok(&b"ab\0\0"[..]));
}

#[test]
fn a_request_without_a_length_has_no_body_but_the_buffers_zeros() {
    assert_eq!(body(&request("", b"\0\0\0")), Ok(&b""[..]));
}

#[test]
fn a_body_that_did_not_fit_is_an_error_with_both_lengths() {
    let request = request("Content-Length: 10\r\n", b"abc");
    assert_eq!(
        body(&request),
        Err(BodyError::Incomplete {
            expected: 10,
            received: 3
        })
    );
}

#[test]
fn a_length_that_is_no_number_is_an_error_that_shows_it() {
    // The server's own parsers refuse it, version 17 by a panic.
    let mut request = request("", b"abc");
    request.headers.push(Header {
        name: "content-length".into(),
        value: "many".into(),
    });
    let error = body(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"Content-Length is "many" and must be a number of bytes"#
    );
}
