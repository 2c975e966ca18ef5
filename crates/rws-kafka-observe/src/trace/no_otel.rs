//! Replaces the bridge to OpenTelemetry without the feature `otel`.

use super::context::TraceContext;
use tracing::Span;

pub(super) fn of(_: &Span) -> Option<TraceContext> {
    None
}

pub(super) fn continue_in(_: &TraceContext, _: &Span) {}

pub(super) fn link(_: &TraceContext, _: &Span) {}
