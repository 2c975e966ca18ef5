//! The settings of a worker, and the checks of their combinations.

pub(crate) mod batch_settings;
pub(crate) mod batches;
pub(crate) mod checks;
pub(crate) mod config;
pub(crate) mod consumer;
pub(crate) mod exactly_once;
mod retry_topics;
