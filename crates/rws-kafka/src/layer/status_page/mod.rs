//! Answers `/kafka` and `/kafka.json`: the state of Kafka in this process, for people and for programs.

mod consumers;
mod html;
mod page;
mod parts;
mod sections;
mod states;
mod verdict;
mod view;
mod words;

#[cfg(test)]
mod tests;

use super::readyz;
use crate::message;
use html::Html;
use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka_observe::Observer;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use verdict::Verdict;
use view::View;

/// The hash of the page's style sheet, [`page::STYLE`]; a test compares them.
const STYLE_HASH: &str = "sha256-1a+Z6Y3SgCtWMNxnrvidGdM3g8GVbWsP2VfTnBWLPYo=";

#[derive(Clone, Debug)]
pub(super) struct StatusPage {
    /// When the layer was created, which stands for the start of the process.
    since: Instant,
}

impl StatusPage {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
        }
    }

    pub(super) fn html(&self, observer: &Observer, request: &Request) -> Response {
        let mut html = Html::default();
        page::write(&mut html, &self.view(observer), refreshes(request));
        answer(request, "text/html; charset=utf-8", html.into())
    }

    pub(super) fn json(&self, observer: &Observer, request: &Request) -> Response {
        let json = serde_json::to_string(&self.view(observer))
            .expect("the status has only numbers, texts and lists");
        answer(request, MimeType::APPLICATION_JSON, json)
    }

    fn view(&self, observer: &Observer) -> View {
        let status = observer.status();
        let readiness = readyz::readiness(observer);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        View {
            verdict: Verdict::of(&readiness, readyz::server_is_ready(), &status),
            as_of_unix_ms: now.map_or(0, ms),
            up_ms: ms(self.since.elapsed()),
            status,
        }
    }
}

/// Returns `true` unless the query contains `refresh=off`.
fn refreshes(request: &Request) -> bool {
    let query = request.request_uri.split_once('?');
    !query.is_some_and(|(_, query)| query.split('&').any(|pair| pair == "refresh=off"))
}

/// Returns a response with only the date of the server's own headers. The server's CORS headers would
/// open the page to any site that an operator visits, and the other headers are stricter here.
fn answer(request: &Request, content_type: &str, body: String) -> Response {
    let mut headers = message::own_headers(request);
    headers.retain(|header| header.name.eq_ignore_ascii_case("Date"));
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    headers.extend([
        message::header("Content-Security-Policy", policy),
        message::header(Header::_CACHE_CONTROL, "no-store"),
        message::header(Header::_X_CONTENT_TYPE_OPTIONS, "nosniff"),
        message::header(Header::_X_FRAME_OPTIONS, "DENY"),
        message::header(Header::_REFERRER_POLICY, "no-referrer"),
    ]);
    let body = Range::get_content_range(body.into_bytes(), content_type.to_owned());
    Response::get_response(
        STATUS_CODE_REASON_PHRASE.n200_ok,
        Some(headers),
        Some(vec![body]),
    )
}
