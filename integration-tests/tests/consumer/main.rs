//! The consumer against a real broker.

mod backpressure;
mod commits;
mod failures;
mod outages;
mod readiness;
mod reading;
mod rebalance;
mod resume;
mod starting;
mod stopping;
mod support;
mod topics;
mod volume;
