//! Spans in OpenTelemetry.
