//! The trace of a request, followed through Kafka, where nobody records spans.

mod from_request_to_dead_letter;
mod headers;
mod support;
mod without_a_trace;
