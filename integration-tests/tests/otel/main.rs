//! Spans and contexts in OpenTelemetry, where it records them.

mod contexts;
mod failures;
mod from_request_to_dead_letter;
mod ones_own;
mod recorder;
mod support;
mod ways_to_publish;
