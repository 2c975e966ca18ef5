//! Spans and contexts in OpenTelemetry, where it records them.

mod contexts;
mod exactly_once;
mod failures;
mod from_request_to_dead_letter;
mod ones_own;
mod recorder;
mod support;
mod ways_to_publish;
