//! The trace of a request through Kafka, in processes that record no spans.

mod from_request_to_dead_letter;
mod headers;
mod support;
mod without_a_trace;
