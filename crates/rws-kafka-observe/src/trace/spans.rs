//! Connects contexts with spans of `tracing`.

use super::context::TraceContext;
#[cfg(not(feature = "otel"))]
use super::no_otel as otel;
#[cfg(feature = "otel")]
use super::otel;
use crate::panics;
use tracing::Span;
use tracing::dispatcher::with_default;

/// Ends `span`, with its own subscriber as this thread's default.
///
/// Call it for a span that may end on another thread than it began on. If it is the last child of its
/// parent, `tracing-subscriber` also closes the parent, but through the thread's default subscriber, and
/// panics if that is another one. A panic of the subscriber is caught.
pub fn close(span: Span) {
    let own = span.with_subscriber(|(_, subscriber)| subscriber.clone());
    let closed = panics::catch(|| match own {
        Some(own) => with_default(&own, || drop(span)),
        None => drop(span),
    });
    if let Err(panic) = closed {
        tracing::warn!(target: "rws_kafka", %panic, "a tracing subscriber panicked while a span was closed");
    }
}

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
