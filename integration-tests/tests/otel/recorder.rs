//! Records what OpenTelemetry's SDK exports in this process.

use integration_tests::{SOON, eventually_some};
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use rws_kafka::trace::TARGET;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// The target of the spans that tests open.
pub(crate) const TEST: &str = "otel";

struct Recorder {
    exporter: InMemorySpanExporter,
    tracer: SdkTracer,
    _provider: SdkTracerProvider,
}

fn recorder() -> &'static Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        Recorder {
            tracer: provider.tracer("test"),
            exporter,
            _provider: provider,
        }
    })
}

pub(crate) fn tracer() -> SdkTracer {
    recorder().tracer.clone()
}

/// Records the spans of the whole process, as a service would.
pub(crate) fn record() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let wanted = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target(TARGET, LevelFilter::DEBUG);
        let layer = tracing_opentelemetry::layer().with_tracer(tracer());
        // For the whole subscriber: a filter of its only layer can leave a thread's state behind
        // that hides the thread's next span from it.
        tracing_subscriber::registry()
            .with(wanted)
            .with(layer)
            .init();
    });
}

/// Returns the `count` spans of this name, in the order of their beginnings, once they have ended.
#[track_caller]
pub(crate) fn spans(name: &str, count: usize) -> Vec<Span> {
    eventually_some(SOON, || {
        let finished = recorder().exporter.get_finished_spans().expect("spans");

        let named = finished.into_iter().filter(|span| span.name == name);
        let mut spans: Vec<Span> = named.map(Span).collect();
        spans.sort_by_key(|span| span.0.start_time);
        (spans.len() >= count).then_some(spans)
    })
}

#[track_caller]
pub(crate) fn span(name: &str) -> Span {
    let mut spans = spans(name, 1);
    assert_eq!(spans.len(), 1, "{name}");
    spans.remove(0)
}

#[derive(Debug)]
pub(crate) struct Span(pub(crate) SpanData);

impl Span {
    /// As a message of this span carries it.
    pub(crate) fn traceparent(&self) -> String {
        let context = &self.0.span_context;
        let flags = context.trace_flags().to_u8();
        format!(
            "00-{}-{}-{flags:02x}",
            context.trace_id(),
            context.span_id()
        )
    }

    pub(crate) fn trace_id(&self) -> String {
        self.0.span_context.trace_id().to_string()
    }

    pub(crate) fn id(&self) -> SpanId {
        self.0.span_context.span_id()
    }

    pub(crate) fn parent(&self) -> SpanId {
        self.0.parent_span_id
    }

    pub(crate) fn links(&self) -> Vec<SpanId> {
        let links = self.0.links.iter();
        links.map(|link| link.span_context.span_id()).collect()
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<Value> {
        let mut attributes = self.0.attributes.iter();
        let found = attributes.find(|attribute| attribute.key.as_str() == key)?;
        Some(found.value.clone())
    }

    /// Those of the conventions, by name.
    pub(crate) fn attributes(&self) -> Vec<(String, String)> {
        let attributes = self.0.attributes.iter();
        let mut named: Vec<(String, String)> = attributes
            .map(|attribute| (attribute.key.to_string(), attribute.value.to_string()))
            .filter(|(key, _)| {
                let prefixes = ["messaging.", "rws_kafka.", "error."];
                prefixes.iter().any(|prefix| key.starts_with(prefix))
            })
            .collect();
        named.sort();
        named
    }
}
