//! Continues traces through messages, in the headers `traceparent` and `tracestate` of
//! [W3C Trace Context].
//!
//! A [`TraceContext`] is current on a thread while a [`TraceScope`] of it exists. `KafkaLayer` enters
//! one while it handles a request that has a `traceparent`, and a worker while it handles a message that
//! has one. Messages that are published meanwhile continue that trace. A context does not follow work to
//! another thread by itself:
//!
//! ```
//! use rws_kafka_observe::trace::TraceContext;
//!
//! let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
//! let scope = TraceContext::parse(traceparent, None).map(|context| context.enter());
//!
//! let context = TraceContext::current();
//! std::thread::spawn(move || {
//!     let scope = context.map(|context| context.enter());
//!     // Messages that are published here belong to the trace too.
//!     assert_eq!(TraceContext::current().unwrap().trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
//! })
//! .join()
//! .unwrap();
//! ```
//!
//! # Spans
//!
//! Each publish and each handling of a message is a [`tracing`] span with the target [`TARGET`] and the
//! level `DEBUG`, with the names and fields of OpenTelemetry's [messaging conventions]. Spans cost
//! nothing while no subscriber wants them. A filter such as `info,rws_kafka::trace=debug` enables them.
//!
//! | span | kind | open |
//! |---|---|---|
//! | `send` | producer | from the call that publishes to the delivery report |
//! | `process` | consumer | while the handler runs, once for each attempt |
//!
//! | field | `send` | `process` |
//! |---|---|---|
//! | `otel.name` | `send {topic}` | `process {topic}` |
//! | `messaging.system` | `kafka` | `kafka` |
//! | `messaging.operation.name`, `messaging.operation.type` | `send` | `process` |
//! | `messaging.destination.name` | the topic | the topic |
//! | `messaging.destination.partition.id` | once it is known | the partition |
//! | `messaging.kafka.offset` | once the message is acknowledged | the offset |
//! | `messaging.kafka.message.tombstone` | `true` for a tombstone | `true` for a tombstone |
//! | `messaging.consumer.group.name` | | the group |
//! | `messaging.message.body.size` | bytes of the payload | bytes of the payload |
//! | `rws_kafka.attempt` | | 1 for the first attempt, one more for each retry |
//! | `error.type`, `otel.status_code`, `otel.status_description` | if it failed | if it failed |
//!
//! No field contains keys or payloads, because they may be personal data.
//!
//! # OpenTelemetry
//!
//! With the feature `otel`, spans and contexts are those of OpenTelemetry, through
//! [`tracing_opentelemetry`]. The current context is that of the current span, and messages carry the
//! context of their `send` span. A `process` span is a child of the span that sent its message, and is
//! linked to it. Where no span is recorded (no layer, or a layer that filters them out), everything works
//! as without the feature: contexts pass unchanged from request to message to message, so that services
//! that do record see whole traces.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context-2/
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
#![cfg_attr(
    not(feature = "otel"),
    doc = "[`tracing_opentelemetry`]: https://docs.rs/tracing-opentelemetry"
)]

mod context;
#[cfg(not(feature = "otel"))]
mod no_otel;
#[cfg(feature = "otel")]
mod otel;
mod scope;
mod spans;
mod state;

pub use context::TraceContext;
pub use scope::TraceScope;
pub use spans::close;

/// The target of all spans; see [the module](self).
pub const TARGET: &str = "rws_kafka::trace";

/// The name of the header that contains the trace id, the span id and the flags.
pub const TRACEPARENT: &str = "traceparent";

/// The name of the header that contains the state of each tracing system.
pub const TRACESTATE: &str = "tracestate";
