//! Messages that are moved to retry topics, on a real broker.

mod batches;
mod delays;
mod exactly_once;
mod headers;
mod limits;
mod orders;
mod process;
mod readiness;
mod room;
mod settings;
mod storm;
mod support;
mod topics;
