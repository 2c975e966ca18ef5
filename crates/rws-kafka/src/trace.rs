//! Traces: see [`TraceContext`]. Everything of `rws_kafka_observe::trace`.

pub use rws_kafka_observe::trace::*;

use rust_web_server::header::Header;
use rust_web_server::request::Request;

/// The trace that a request belongs to.
///
/// Where the server's own `OtelLayer` is around, that is the span it made for the request; else what
/// the request says.
pub(crate) fn of_request(request: &Request) -> Option<TraceContext> {
    let of_request = of_headers(&request.headers);
    let Some(of_server) = rust_web_server::otel::current_traceparent() else {
        return of_request;
    };
    let of_server = TraceContext::parse(&of_server, None)?;
    // The server does not keep it.
    let same = of_request.filter(|context| context.trace_id() == of_server.trace_id());
    let tracestate = same.as_ref().and_then(TraceContext::tracestate);
    TraceContext::parse(&of_server.traceparent(), tracestate)
}

fn of_headers(headers: &[Header]) -> Option<TraceContext> {
    let is_traceparent = |header: &&Header| header.name.eq_ignore_ascii_case(TRACEPARENT);
    // Of several, nobody can say which.
    if headers.iter().filter(is_traceparent).count() != 1 {
        return None;
    }
    TraceContext::from_headers(headers.iter().map(|header| {
        let value: &str = &header.value;
        (&*header.name, Some(value.as_bytes()))
    }))
}
