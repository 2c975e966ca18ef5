//! The bridge to OpenTelemetry.

use super::context::{KNOWN_FLAGS, TraceContext};
use super::state::State;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, ContextGuard};
use tracing::Span;
use tracing::span::Id;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Returns the innermost of: OpenTelemetry's context, the current span, and the innermost scope, which was
/// entered within the span `within`.
pub(super) fn current(scope: Option<TraceContext>, within: Option<Id>) -> Option<TraceContext> {
    let attached = Context::map_current(|context| read(context.span().span_context()));
    // Scopes are attached too, so a context that differs was attached later.
    if attached != scope && attached.is_some() {
        return attached;
    }
    // For layers that do not attach their spans (`with_context_activation(false)`).
    let span = Span::current();
    if span.id() != within
        && let Some(context) = of(&span)
    {
        return Some(context);
    }
    scope
}

pub(super) fn of(span: &Span) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    read(span.context().span().span_context())
}

pub(super) fn attach(context: &TraceContext) -> ContextGuard {
    let current = Context::current();
    current.with_remote_span_context(write(context)).attach()
}

pub(super) fn continue_in(context: &TraceContext, span: &Span) {
    if span.is_disabled() {
        return;
    }
    let remote = write(context);
    // It fails if no OpenTelemetry layer sees the span; the span then has no parent either.
    let _ = span.set_parent(Context::new().with_remote_span_context(remote.clone()));
    span.add_link(remote);
}

pub(super) fn link(context: &TraceContext, span: &Span) {
    if !span.is_disabled() {
        span.add_link(write(context));
    }
}

fn read(from: &SpanContext) -> Option<TraceContext> {
    from.is_valid().then(|| TraceContext {
        trace_id: from.trace_id().to_bytes(),
        span_id: from.span_id().to_bytes(),
        flags: from.trace_flags().to_u8() & KNOWN_FLAGS,
        state: State::parse(&from.trace_state().header()),
    })
}

fn write(context: &TraceContext) -> SpanContext {
    let state = context.tracestate().unwrap_or_default();
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.span_id),
        TraceFlags::new(context.flags),
        true,
        // A state that it cannot parse is dropped, like an invalid one.
        state.parse::<TraceState>().unwrap_or_default(),
    )
}
