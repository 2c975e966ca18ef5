//! HTTP messages, whatever string and body types the server's version uses for them.

use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE, StatusCodeReasonPhrase};
use std::sync::LazyLock;

/// Returns a JSON response; the server adds its content headers.
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

/// Returns the headers that the server adds to its own responses.
pub(crate) fn own_headers(request: &Request) -> Vec<Header> {
    Header::get_header_list(request)
}

/// Returns a response header.
pub(crate) fn header(name: &'static str, value: impl Into<String>) -> Header {
    Header {
        name: name.into(),
        value: value.into().into(),
    }
}

/// Returns the value of the first header called `name`, in any case.
pub(crate) fn header_value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| &*header.value)
}

/// Returns the path of the request, without its query.
pub(crate) fn path(request: &Request) -> &str {
    let uri = request.request_uri.as_str();
    uri.split_once('?').map_or(uri, |(path, _query)| path)
}

/// Adds `Content-Length: 0` to a response without a body if the server would not.
///
/// Version 17 then sends no length and keeps the connection open, so the client waits for a body.
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

/// `true` if this version of the server itself sends the length of an empty body, as 18 does.
///
/// Version 18 also has streamed responses; they need no check here.
static SERVER_ANNOUNCES_IT: LazyLock<bool> = LazyLock::new(|| {
    let Ok(request) = Request::parse(b"GET / HTTP/1.1\r\n\r\n") else {
        return false;
    };
    let empty = Response::get_response(STATUS_CODE_REASON_PHRASE.n202_accepted, None, None);
    let sent = Response::generate_response(empty, request).to_ascii_lowercase();
    let name = Header::_CONTENT_LENGTH.to_ascii_lowercase();
    String::from_utf8_lossy(&sent).contains(&name)
});
