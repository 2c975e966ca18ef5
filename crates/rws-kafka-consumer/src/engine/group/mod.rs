//! The worker as a member of its group: assignments, revokes, and what keeps it from reading.

pub(super) mod create_topics;
mod events;
pub(super) mod lag;
pub(super) mod left;
pub(super) mod membership;
mod rebalance;
mod share;
pub(super) mod subscription;
mod subscription_watch;
