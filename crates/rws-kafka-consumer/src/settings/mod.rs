//! A worker before it is started: its settings, and the checks of how they go together.
//!
//! rustdoc shows the methods of `KafkaConsumer` in the order of these modules: construct, subscribe, start,
//! then tune. Blank lines keep rustfmt from sorting them.

pub(crate) mod consumer;

pub(crate) mod start;

pub(crate) mod batches;

mod tuning;

mod failures;

mod retry_topics;

mod rebalances;

pub(crate) mod exactly_once;

pub(crate) mod batch_settings;
pub(crate) mod checks;
pub(crate) mod config;
