//! Traces that continue from requests to messages; see [`TraceContext`].
//!
//! This module re-exports all of `rws_kafka_observe::trace`.

pub use rws_kafka_observe::trace::*;

use rust_web_server::header::Header;
use rust_web_server::request::Request;

/// Returns the trace that a request belongs to.
///
/// Inside the server's own `OtelLayer` this is the span that the layer made for the request; otherwise
/// it is the context in the request's headers.
pub(crate) fn of_request(request: &Request) -> Option<TraceContext> {
    let of_request = of_headers(&request.headers);
    let Some(of_server) = rust_web_server::otel::current_traceparent() else {
        return of_request;
    };
    let of_server = TraceContext::parse(&of_server, None)?;
    // The server drops the `tracestate`, so take it from the request.
    let same = of_request.filter(|context| context.trace_id() == of_server.trace_id());
    let tracestate = same.as_ref().and_then(TraceContext::tracestate);
    TraceContext::parse(&of_server.traceparent(), tracestate)
}

fn of_headers(headers: &[Header]) -> Option<TraceContext> {
    let is_traceparent = |header: &&Header| header.name.eq_ignore_ascii_case(TRACEPARENT);
    // Several are ambiguous.
    if headers.iter().filter(is_traceparent).count() != 1 {
        return None;
    }
    TraceContext::from_headers(headers.iter().map(|header| {
        let value: &str = &header.value;
        (&*header.name, Some(value.as_bytes()))
    }))
}
