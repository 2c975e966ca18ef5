//! Which context is current, with OpenTelemetry's contexts and nested scopes, on the tests' own
//! subscribers.

use crate::recorder::{TEST, tracer};
use crate::support::*;
use integration_tests::{Kafka, close};
use opentelemetry::trace::{TraceContextExt, Tracer};
use rws_kafka::trace::{TARGET, TraceContext};
use tracing::level_filters::LevelFilter;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

const CAME: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn came() -> TraceContext {
    TraceContext::parse(CAME, Some("one=1")).expect("a valid context")
}

/// Runs `test` on a thread without the process's own subscriber, with one whose layer attaches the
/// contexts of spans or does not.
fn with_layer(attaches: bool, test: impl FnOnce()) {
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer())
        .with_context_activation(attaches);
    let wanted = Targets::new().with_target(TEST, LevelFilter::INFO);
    let subscriber = tracing_subscriber::registry().with(wanted).with(layer);
    tracing::subscriber::with_default(subscriber, test);
}

fn id_of(span: &Span) -> String {
    span.context().span().span_context().span_id().to_string()
}

fn current() -> String {
    TraceContext::current().expect("a context").span_id()
}

#[test]
fn the_innermost_of_spans_and_scopes_is_current() {
    for attaches in [true, false] {
        with_layer(attaches, || {
            assert_eq!(TraceContext::current(), None);
            let outer = info_span!(target: TEST, "outer");
            outer.in_scope(|| {
                assert_eq!(current(), id_of(&outer));
                {
                    let _scope = came().enter();
                    assert_eq!(TraceContext::current(), Some(came()));
                    let inner = info_span!(target: TEST, "inner");
                    inner.in_scope(|| assert_eq!(current(), id_of(&inner)));
                    assert_eq!(TraceContext::current(), Some(came()));
                }
                assert_eq!(current(), id_of(&outer));
            });
            assert_eq!(TraceContext::current(), None);
        });
    }
}

#[test]
fn a_span_within_a_scope_is_its_child() {
    for attaches in [true, false] {
        with_layer(attaches, || {
            let _scope = came().enter();
            let span = info_span!(target: TEST, "span");
            let context = TraceContext::of(&span).expect("a context");
            assert_eq!(context.trace_id(), came().trace_id());
            assert_ne!(context.span_id(), came().span_id());
            assert_eq!(context.tracestate(), Some("one=1"));
        });
    }
}

#[test]
fn a_context_that_is_attached_without_a_span_of_tracing_is_current() {
    let _scope = came().enter();
    let context = opentelemetry::Context::current_with_span(tracer().start("by hand"));
    let id = context.span().span_context().span_id().to_string();
    let attached = context.attach();
    assert_eq!(current(), id);
    drop(attached);
    assert_eq!(TraceContext::current(), Some(came()));
}

#[test]
fn a_span_that_is_not_sampled_says_so_to_those_who_follow() {
    with_layer(true, || {
        let unsampled = TraceContext::parse(&CAME.replace("-01", "-00"), None).unwrap();
        let _scope = unsampled.enter();
        let span = info_span!(target: TEST, "span");
        let context = TraceContext::of(&span).expect("a context");
        assert_eq!(context.trace_id(), unsampled.trace_id());
        assert!(!context.is_sampled());
    });
}

#[test]
fn where_our_spans_are_filtered_out_messages_carry_what_is_around_them() {
    let topic = topic();
    let producer = Kafka::shared().producer();
    let mut around = String::new();
    with_layer(true, || {
        assert!(!tracing::enabled!(target: TARGET, tracing::Level::DEBUG));
        let span = info_span!(target: TEST, "handler");
        span.in_scope(|| producer.send(&topic, "1").unwrap());
        around = id_of(&span);
        let _scope = came().enter();
        producer.send(&topic, "2").unwrap();
    });
    close(&producer);
    let carried = headers(&topic, 2);
    assert_eq!(values(&carried[0], "traceparent")[0][36..52], around);
    assert_eq!(values(&carried[1], "traceparent"), [CAME]);
    assert_eq!(values(&carried[1], "tracestate"), ["one=1"]);
}

#[test]
fn where_spans_go_to_the_log_only_contexts_pass_unchanged() {
    let topic = topic();
    let producer = Kafka::shared().producer();
    let log = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(std::io::sink);
    tracing::subscriber::with_default(log.finish(), || {
        assert!(tracing::enabled!(target: TARGET, tracing::Level::DEBUG));
        let _scope = came().enter();
        let _entered = info_span!(target: TEST, "handler").entered();
        assert_eq!(TraceContext::current(), Some(came()));
        producer.send(&topic, "1").unwrap();
    });
    close(&producer);
    assert_eq!(values(&headers(&topic, 1)[0], "traceparent"), [CAME]);
}
