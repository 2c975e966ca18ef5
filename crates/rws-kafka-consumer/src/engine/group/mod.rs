//! A worker's place in its group: what it is given, what is taken from it, and what keeps it from reading.

pub(super) mod create_topics;
mod events;
pub(super) mod lag;
pub(super) mod left;
pub(super) mod membership;
mod rebalance;
mod share;
pub(super) mod subscription;
mod subscription_watch;
