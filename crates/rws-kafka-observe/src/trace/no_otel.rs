//! In place of the bridge to OpenTelemetry where there is none.

use super::context::TraceContext;
use tracing::Span;

pub(super) fn of(_: &Span) -> Option<TraceContext> {
    None
}

pub(super) fn continue_in(_: &TraceContext, _: &Span) {}

pub(super) fn link(_: &TraceContext, _: &Span) {}
