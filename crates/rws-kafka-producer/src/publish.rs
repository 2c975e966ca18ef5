use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::record::Record;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::text::printable;
use rws_kafka_observe::trace::{TARGET, TRACEPARENT, TraceContext};
use tracing::Span;
use tracing::field::{Empty, display};

/// The tracing of one publish: its span, and the context that its message carries.
///
/// Without a subscriber and without a context it costs only two checks.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    span: Span,
    /// `None` if there is no context, or if the record has a `traceparent` header.
    context: Option<TraceContext>,
}

impl Publish {
    /// Begins a publish in the current thread's context.
    pub(crate) fn begin(record: &Record<'_>) -> Self {
        let span = span(record);
        let brings_its_own = record
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT));
        if !brings_its_own {
            let context = TraceContext::of(&span).or_else(TraceContext::current);
            return Self { span, context };
        }
        if !span.is_disabled()
            && let Some(own) = TraceContext::from_headers(record.headers.iter().copied())
        {
            match TraceContext::current() {
                Some(_) => own.link(&span),
                // A relay, for example, sends messages for others.
                None => own.continue_in(&span),
            }
        }
        Self {
            span,
            context: None,
        }
    }

    /// Returns `true` if the span is recorded.
    pub(crate) fn is_watched(&self) -> bool {
        !self.span.is_disabled()
    }

    pub(crate) fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    pub(crate) fn ended(&self, outcome: &Result<Delivery, ProducerError>) {
        match outcome {
            Ok(delivery) => {
                let partition = display(delivery.partition);
                self.span
                    .record("messaging.destination.partition.id", partition)
                    .record("messaging.kafka.offset", delivery.offset);
            }
            Err(error) => self.failed(error),
        }
    }

    pub(crate) fn failed(&self, error: &ProducerError) {
        self.span
            .record("error.type", error_type(error))
            .record("otel.status_code", "error")
            .record("otel.status_description", with_causes(error));
    }
}

fn span(record: &Record<'_>) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "send",
        otel.name = %format_args!("send {}", printable(record.topic)),
        otel.kind = "producer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = &*printable(record.topic),
        messaging.destination.partition.id = record.partition.map(display),
        messaging.kafka.offset = Empty,
        messaging.kafka.message.tombstone = record.payload.is_none().then_some(true),
        messaging.message.body.size = record.payload.map(<[u8]>::len),
        error.type = Empty,
    )
}

/// Returns the value of `error.type` for an error.
fn error_type(error: &ProducerError) -> &'static str {
    match error {
        ProducerError::InvalidTopic(_) => "InvalidTopic",
        ProducerError::InvalidHeader { .. } => "InvalidHeader",
        ProducerError::InvalidTimestamp { .. } => "InvalidTimestamp",
        ProducerError::QueueFull { .. } => "QueueFull",
        ProducerError::MessageTooLarge { .. } => "MessageTooLarge",
        ProducerError::UnknownTopic { .. } => "UnknownTopic",
        ProducerError::UnknownPartition { .. } => "UnknownPartition",
        ProducerError::TimedOut { .. } => "TimedOut",
        ProducerError::NotAuthorized { .. } => "NotAuthorized",
        ProducerError::Undelivered { .. } => "Undelivered",
        ProducerError::ClientFailed { .. } => "ClientFailed",
        ProducerError::ClientReplaced { .. } => "ClientReplaced",
        ProducerError::Unreachable { .. } => "Unreachable",
        ProducerError::Closed => "Closed",
        ProducerError::Fatal { .. } => "Fatal",
        ProducerError::Refused { .. } => "Refused",
        _ => "_OTHER",
    }
}
