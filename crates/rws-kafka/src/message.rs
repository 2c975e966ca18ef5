//! HTTP messages, whichever string and body types this version of the server has in them.

use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE, StatusCodeReasonPhrase};
use std::sync::LazyLock;

/// A JSON answer; the server adds its content headers.
pub(crate) fn json(
    status: &StatusCodeReasonPhrase,
    headers: Vec<Header>,
    body: impl Into<String>,
) -> Response {
    let body = Range::get_content_range(
        body.into().into_bytes(),
        MimeType::APPLICATION_JSON.to_owned(),
    );
    Response::get_response(status, Some(headers), Some(vec![body]))
}

/// The headers that the server gives its own answers.
pub(crate) fn own_headers(request: &Request) -> Vec<Header> {
    Header::get_header_list(request)
}

/// A header of an answer.
pub(crate) fn header(name: &'static str, value: impl Into<String>) -> Header {
    Header {
        name: name.into(),
        value: value.into().into(),
    }
}

/// The value of the first header of this name in `headers`.
pub(crate) fn header_value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| &*header.value)
}

/// What the request asks for, without its query.
pub(crate) fn path(request: &Request) -> &str {
    let uri = request.request_uri.as_str();
    uri.split_once('?').map_or(uri, |(path, _query)| path)
}

/// Adds `Content-Length: 0` to an answer that has no body, where the server would not.
///
/// Version 17 announces no length then, and keeps the connection open: the client waits for a body.
pub(crate) fn announce_empty_body(answer: &mut Response) {
    let has_body = !answer.content_range_list.is_empty() || answer.stream_file.is_some();
    let is_framed = [Header::_CONTENT_LENGTH, Header::_TRANSFER_ENCODING]
        .iter()
        .any(|name| header_value(&answer.headers, name).is_some());
    if has_body || is_framed || !may_have_body(answer.status_code) || *SERVER_ANNOUNCES_IT {
        return;
    }
    answer.headers.push(header(Header::_CONTENT_LENGTH, "0"));
}

/// Returns `true` unless the status forbids a body and its length (RFC 9110, 8.6).
fn may_have_body(status: i16) -> bool {
    status >= 200 && !matches!(status, 204 | 304)
}

/// Whether this version of the server announces the length of an empty body by itself: 18 does.
/// There its streamed answers, which version 17 does not have, need no look at either.
static SERVER_ANNOUNCES_IT: LazyLock<bool> = LazyLock::new(|| {
    let Ok(request) = Request::parse(b"GET / HTTP/1.1\r\n\r\n") else {
        return false;
    };
    let empty = Response::get_response(STATUS_CODE_REASON_PHRASE.n202_accepted, None, None);
    let sent = Response::generate_response(empty, request).to_ascii_lowercase();
    let name = Header::_CONTENT_LENGTH.to_ascii_lowercase();
    String::from_utf8_lossy(&sent).contains(&name)
});
