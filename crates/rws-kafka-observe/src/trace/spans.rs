//! What a context and a span of `tracing` have to do with each other.

use super::context::TraceContext;
#[cfg(not(feature = "otel"))]
use super::no_otel as otel;
#[cfg(feature = "otel")]
use super::otel;
use tracing::Span;

impl TraceContext {
    /// The context that OpenTelemetry has for `span`; `None` without the feature `otel`, and where no
    /// layer of `tracing_opentelemetry` wants the span.
    pub fn of(span: &Span) -> Option<Self> {
        otel::of(span)
    }

    /// Makes `span` a child of this context, and links the two, in OpenTelemetry; to be called before
    /// the span is entered. Does nothing without the feature `otel`.
    pub fn continue_in(&self, span: &Span) {
        otel::continue_in(self, span);
    }

    /// Links `span` to this context in OpenTelemetry. Does nothing without the feature `otel`.
    pub fn link(&self, span: &Span) {
        otel::link(self, span);
    }
}
