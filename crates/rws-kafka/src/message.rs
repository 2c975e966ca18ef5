//! HTTP messages, whichever string and body types this version of the server has in them.

use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, StatusCodeReasonPhrase};

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
