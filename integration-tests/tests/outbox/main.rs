//! The outbox, its relay and the deduplicator on a real database and a real broker.

mod async_code;
mod backlogs;
mod behind_a_pooler;
mod blocked_keys;
mod dedup;
mod failover;
mod failures;
mod frozen_brokers;
mod kills;
mod late_commits;
mod long_transactions;
mod migrations;
mod prepared;
mod readiness;
mod roadmap;
mod settling;
mod silent_partitions;
mod support;
mod swallowed_failures;
mod tls;
mod trace;
mod typed;
mod unix_sockets;
mod waking;
