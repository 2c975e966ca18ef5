//! The outbox, its relay and the deduplicator on a real database and a real broker.

mod async_code;
mod behind_a_pooler;
mod dedup;
mod failures;
mod kills;
mod late_commits;
mod long_transactions;
mod migrations;
mod prepared;
mod readiness;
mod roadmap;
mod support;
mod tls;
mod trace;
mod typed;
mod waking;
