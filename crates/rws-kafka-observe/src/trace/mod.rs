//! The trace that a message belongs to, in the headers `traceparent` and `tracestate` of
//! [W3C Trace Context].
//!
//! A [`TraceContext`] is current on a thread while a [`TraceScope`] of it lives: `KafkaLayer` enters
//! one around a request that has a `traceparent`, a worker around the handling of a message that has
//! one. What is published meanwhile continues that trace. A context does not follow work to another
//! thread by itself:
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
//!     // What is published here belongs to the trace, too.
//!     assert_eq!(TraceContext::current().unwrap().trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
//! })
//! .join()
//! .unwrap();
//! ```
//!
//! # Spans
//!
//! Each publish and each handling of a message is a [`tracing`] span of the target [`TARGET`] and the
//! level `DEBUG`, with the names and fields of OpenTelemetry's [messaging conventions]. They cost
//! nothing while no subscriber wants them; a filter such as `info,rws_kafka::trace=debug` switches
//! them on.
//!
//! | span | kind | is open |
//! |---|---|---|
//! | `send` | producer | from the call that publishes to the delivery report |
//! | `process` | consumer | while the handler has the message, once for each attempt |
//!
//! | field | `send` | `process` |
//! |---|---|---|
//! | `otel.name` | `send {topic}` | `process {topic}` |
//! | `messaging.system` | `kafka` | `kafka` |
//! | `messaging.operation.name`, `messaging.operation.type` | `send` | `process` |
//! | `messaging.destination.name` | the topic | the topic |
//! | `messaging.destination.partition.id` | when it is known | the partition |
//! | `messaging.kafka.offset` | when it is acknowledged | the offset |
//! | `messaging.kafka.message.tombstone` | `true` for a tombstone | `true` for a tombstone |
//! | `messaging.consumer.group.name` | | the group |
//! | `messaging.message.body.size` | bytes of the payload | bytes of the payload |
//! | `rws_kafka.attempt` | | 1, and one more for each retry |
//! | `error.type`, `otel.status_code`, `otel.status_description` | when it failed | when it failed |
//!
//! Keys and payloads are in no field: they may be personal data.
//!
//! # OpenTelemetry
//!
//! With the feature `otel` spans and contexts are OpenTelemetry's, by [`tracing_opentelemetry`]: the
//! current context is that of the current span, messages carry that of their `send` span, and a
//! `process` span is a child of, and linked to, the span that sent its message. Where no span is
//! recorded (no layer, or one that filters them out), all is as without the feature: contexts pass
//! unchanged from request to message to message, so that those who do record see whole traces.
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

/// The target of all spans; see [the module](self).
pub const TARGET: &str = "rws_kafka::trace";

/// The name of the header that holds trace, span and flags.
pub const TRACEPARENT: &str = "traceparent";

/// The name of the header that holds what each tracing system adds.
pub const TRACESTATE: &str = "tracestate";
