//! Metrics, lag and status against a real broker.

mod brokers;
mod counters;
mod gauges;
mod lag;
mod page;
mod registry;
mod support;
