//! The trace of a request while an application that is wrapped in `KafkaLayer` handles it.

mod common;

use common::wire::exchange_raw;
use rust_web_server::app::App;
use rust_web_server::otel::{ExporterConfig, OtelLayer, TracingConfig, current_traceparent};
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::KafkaLayer;
use rws_kafka::trace::TraceContext;
use std::sync::{Arc, Mutex};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// What the handler of a request with these header lines finds.
fn found(lines: &str, with_tracing_of_the_server: bool) -> Option<TraceContext> {
    let (found, server): (Arc<Mutex<Option<_>>>, Arc<Mutex<Option<_>>>) = Default::default();
    let (seen, of_server) = (Arc::clone(&found), Arc::clone(&server));
    let app = App::with_state(()).get("/orders", move |_request, _params, _connection, _state| {
        *seen.lock().unwrap() = Some(TraceContext::current());
        *of_server.lock().unwrap() = current_traceparent();
        Response::get_response(STATUS_CODE_REASON_PHRASE.n200_ok, None, None)
    });
    let request = format!("GET /orders HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let answer = if with_tracing_of_the_server {
        exchange_raw(app.wrap(OtelLayer).wrap(KafkaLayer::new()), &request)
    } else {
        exchange_raw(app.wrap(KafkaLayer::new()), &request)
    };
    assert_eq!(answer.status, 200);
    assert_eq!(TraceContext::current(), None, "the scope is closed");
    let found = found.lock().unwrap().take().expect("the handler ran");
    if with_tracing_of_the_server {
        let found = found.as_ref().map(TraceContext::traceparent);
        assert_eq!(found, *server.lock().unwrap());
    }
    found
}

#[test]
fn the_trace_of_a_request_is_current_in_its_handler() {
    let lines =
        format!("TraceParent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1,b=2\r\nTracestate: c=3\r\n");
    let context = found(&lines, false).expect("a context");
    assert_eq!(context.traceparent(), format!("00-{TRACE}-{SPAN}-01"));
    assert_eq!(context.tracestate(), Some("a=1,b=2,c=3"));
}

#[test]
fn what_is_not_valid_is_no_trace() {
    for lines in [
        String::new(),
        "tracestate: a=1\r\n".to_owned(),
        format!("traceparent: ff-{TRACE}-{SPAN}-01\r\n"),
        format!("traceparent: 00-{TRACE}-{SPAN}\r\n"),
        // Two, of which nobody can say which.
        format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntraceparent: 00-{TRACE}-{SPAN}-00\r\n"),
    ] {
        assert_eq!(found(&lines, false), None, "{lines}");
    }
}

#[test]
fn the_span_of_the_servers_own_tracing_is_what_follows() {
    rust_web_server::otel::setup(TracingConfig {
        service_name: "orders".to_string(),
        service_version: "1".to_string(),
        exporter: ExporterConfig::Stdout,
        sample_rate: 1.0,
        batch_size: 128,
    });
    let lines = format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1\r\n");
    let context = found(&lines, true).expect("a context");
    assert_eq!(context.trace_id(), TRACE);
    assert_ne!(context.span_id(), SPAN, "the server's span is in between");
    assert_eq!(context.tracestate(), Some("a=1"));
    // A trace that begins at the server.
    let context = found("tracestate: a=1\r\n", true).expect("a context");
    assert_ne!(context.trace_id(), TRACE);
    assert_eq!(context.tracestate(), None);
}
