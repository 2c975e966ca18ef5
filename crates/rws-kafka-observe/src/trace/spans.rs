//! Connects contexts with spans of `tracing`.

use super::context::TraceContext;
#[cfg(not(feature = "otel"))]
use super::no_otel as otel;
#[cfg(feature = "otel")]
use super::otel;
use tracing::Span;

impl TraceContext {
    /// Returns OpenTelemetry's context of `span`. Returns `None` without the feature `otel`, or if no layer
    /// of `tracing_opentelemetry` records the span.
    pub fn of(span: &Span) -> Option<Self> {
        otel::of(span)
    }

    /// Makes `span` a child of this context in OpenTelemetry and links the two. Call it before the span is
    /// entered. Without the feature `otel` it does nothing.
    pub fn continue_in(&self, span: &Span) {
        otel::continue_in(self, span);
    }

    /// Links `span` to this context in OpenTelemetry. Without the feature `otel` it does nothing.
    pub fn link(&self, span: &Span) {
        otel::link(self, span);
    }
}
