//! The consumer against a real broker.

mod backpressure;
mod breakers;
mod commits;
mod dead_letter_trouble;
mod dead_letters;
mod failover;
mod failures;
mod hooks;
mod late_commits;
mod ordering;
mod outages;
mod pausing;
mod policies;
mod readiness;
mod reading;
mod rebalance;
mod resume;
mod slow_handlers;
mod starting;
mod static_members;
mod stopping;
mod support;
mod topics;
mod typed;
mod volume;
mod worker_process;
