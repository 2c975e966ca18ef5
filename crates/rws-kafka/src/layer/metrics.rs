//! Answers `/metrics`: the server's own page, then Kafka's metrics.

use crate::message;
use rust_web_server::application::Application;
use rust_web_server::header::Header;
use rust_web_server::mime_type::MimeType;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::server::ConnectionInfo;
use rws_kafka_observe::{LogRate, Observer, non_zero, panics};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Renders the service's own metrics.
pub(super) type OwnMetrics = Arc<dyn Fn() -> String + Send + Sync>;

static PANIC_LOG: LazyLock<LogRate> = LazyLock::new(|| LogRate::new(Duration::from_secs(60)));

pub(super) fn answer(
    observer: &Observer,
    own: &[OwnMetrics],
    request: &Request,
    connection: &ConnectionInfo,
    next: &dyn Application,
) -> Result<Response, String> {
    let mut page = next.execute(&without_protobuf(request), connection)?;
    append(observer, own, &mut page);
    Ok(page)
}

fn append(observer: &Observer, own: &[OwnMetrics], page: &mut Response) {
    let is_ok = page.status_code == *STATUS_CODE_REASON_PHRASE.n200_ok.status_code;
    let is_encoded = message::header_value(&page.headers, Header::_CONTENT_ENCODING).is_some();
    let [part] = page.content_range_list.as_mut_slice() else {
        return;
    };
    if !is_ok || is_encoded || !part.content_type.starts_with(MimeType::TEXT_PLAIN) {
        return;
    }
    let mut text = std::mem::take(&mut part.body);
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(observer.render().as_bytes());
    for render in own {
        match panics::catch(|| render()) {
            Ok(own) => text.extend_from_slice(own.as_bytes()),
            Err(panic) => {
                // Scrapers come every few seconds, so limit the log.
                if let Some(held_back) = PANIC_LOG.admit() {
                    let held_back = non_zero(held_back);
                    tracing::error!(
                        %panic,
                        held_back,
                        "the service's own metrics panicked; /metrics omits them"
                    );
                }
                continue;
            }
        }
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
    }
    // Built again, because the part also holds the body's length.
    let content_type = std::mem::take(&mut part.content_type);
    *part = Range::get_content_range(text, content_type);
}

/// Removes a request for protobuf: version 18 of the server would answer the scraper in that format.
fn without_protobuf(request: &Request) -> Cow<'_, Request> {
    let asks_for_protobuf = |header: &Header| {
        header.name.eq_ignore_ascii_case(Header::_ACCEPT)
            && header.value.to_ascii_lowercase().contains("protobuf")
    };
    if !request.headers.iter().any(asks_for_protobuf) {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    request.headers.retain(|header| !asks_for_protobuf(header));
    Cow::Owned(request)
}
