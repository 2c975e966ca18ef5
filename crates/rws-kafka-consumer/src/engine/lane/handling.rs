use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerError;
use crate::handler::message_batch::MessageBatch;
use crate::partition::Batch;
use rws_kafka_observe::trace::{TARGET, TraceContext};
use std::sync::Arc;
use tracing::Span;
use tracing::field::{Empty, display};

/// The trace of one attempt at a message or batch: its span, and the context for everything that the handler
/// does.
///
/// Without a subscriber and without a context it costs almost nothing.
pub(crate) struct Handling {
    span: Span,
    /// Shared with the context of the message, and small: these are moved for each message.
    context: Option<Arc<TraceContext>>,
    /// `true` if the context is that of the span, not that of the message.
    is_recorded: bool,
}

impl Handling {
    pub(crate) fn begin(group: &str, batch: &Batch, index: u32, attempt: u32) -> Self {
        let came_with = TraceContext::from_headers(batch.headers(index));
        let span = span(group, batch, index, attempt);
        if let Some(context) = &came_with {
            context.continue_in(&span);
        }
        let of_span = TraceContext::of(&span);
        Self {
            span,
            is_recorded: of_span.is_some(),
            context: of_span.or(came_with).map(Arc::new),
        }
    }

    /// Begins the trace of a batch. It has a span of its own, linked to the traces of its messages; none of
    /// these is the context of the handler.
    pub(crate) fn begin_batch(batch: &MessageBatch) -> Self {
        let span = batch_span(batch);
        if !span.is_disabled() {
            let contexts = batch.iter().filter_map(ConsumerContext::trace_context);
            contexts.for_each(|context| context.link(&span));
        }
        let context = TraceContext::of(&span);
        Self {
            span,
            is_recorded: context.is_some(),
            context: context.map(Arc::new),
        }
    }

    pub(crate) fn context(&self) -> Option<&Arc<TraceContext>> {
        self.context.as_ref()
    }

    /// The context of the span, if OpenTelemetry records it.
    pub(crate) fn recorded(&self) -> Option<&TraceContext> {
        self.context.as_deref().filter(|_| self.is_recorded)
    }

    pub(crate) fn run<R>(&self, handle: impl FnOnce() -> R) -> R {
        // A recorded span is current by itself.
        let of_message = self.context.as_deref().filter(|_| !self.is_recorded);
        let _scope = of_message.map(TraceContext::enter);
        self.span.in_scope(handle)
    }

    pub(crate) fn failed(&self, error: &HandlerError) {
        self.span
            .record("error.type", error.kind())
            .record("otel.status_code", "error")
            .record("otel.status_description", display(error));
    }
}

fn span(group: &str, batch: &Batch, index: u32, attempt: u32) -> Span {
    let partition = &batch.partition().name;
    let payload = batch.payload(index);
    tracing::debug_span!(
        target: TARGET,
        parent: None,
        "process",
        otel.name = %format_args!("process {}", partition.topic()),
        otel.kind = "consumer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = partition.topic(),
        messaging.destination.partition.id = display(partition.partition()),
        messaging.kafka.offset = batch.offset(index),
        messaging.kafka.message.tombstone = payload.is_none().then_some(true),
        messaging.consumer.group.name = group,
        messaging.message.body.size = payload.map(<[u8]>::len),
        rws_kafka.attempt = attempt,
        error.type = Empty,
    )
}

fn batch_span(batch: &MessageBatch) -> Span {
    tracing::debug_span!(
        target: TARGET,
        parent: None,
        "process",
        otel.name = %format_args!("process {}", batch.topic()),
        otel.kind = "consumer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = batch.topic(),
        messaging.destination.partition.id = display(batch.partition()),
        messaging.batch.message_count = batch.len(),
        messaging.consumer.group.name = batch.group(),
        rws_kafka.attempt = batch.attempt(),
        error.type = Empty,
    )
}
