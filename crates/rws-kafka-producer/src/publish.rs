use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::record::Record;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::text::printable;
use rws_kafka_observe::trace::{self, TARGET, TRACEPARENT, TraceContext};
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

impl Drop for Publish {
    /// Often on the producer's thread, which has another default subscriber than the sender's may be.
    fn drop(&mut self) {
        if self.is_watched() {
            trace::close(std::mem::replace(&mut self.span, Span::none()));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::io::{Result as IoResult, Write};
    use std::sync::Arc;
    use std::thread;
    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::format::FmtSpan;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> IoResult<()> {
            Ok(())
        }
    }

    /// As when the acknowledgement comes after the sender's own span has ended.
    #[test]
    fn a_publish_that_ends_on_another_thread_closes_its_parent_in_the_senders_subscriber() {
        let subscriber = |log: &Log| {
            let log = log.clone();
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_span_events(FmtSpan::CLOSE)
                .with_writer(move || log.clone())
                .finish()
        };
        let (log, other) = (Log::default(), Log::default());
        let publish = with_default(subscriber(&log), || {
            let _parent = tracing::info_span!("handler").entered();
            Publish::begin(&Record::to("orders"))
        });
        assert!(publish.is_watched());
        let elsewhere = subscriber(&other);
        let thread = thread::spawn(move || with_default(elsewhere, || drop(publish)));
        thread.join().expect("it does not panic");
        assert_eq!(other.0.lock().len(), 0);
        let log = String::from_utf8(log.0.lock().clone()).expect("text");
        let closed: Vec<&str> = log.lines().filter(|line| line.contains("close")).collect();
        assert_eq!(closed.len(), 2, "{log}");
        assert!(closed[1].contains("handler"), "{log}");
    }
}
