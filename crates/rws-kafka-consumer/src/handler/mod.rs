//! The arguments and results of handlers and hooks.

pub(crate) mod acknowledge;
pub(crate) mod context;
pub(crate) mod error;
pub(crate) mod hooks;
pub(crate) mod message_batch;
pub(crate) mod outputs;
pub(crate) mod payload;
#[cfg(feature = "schema")]
pub(crate) mod typed;
#[cfg(feature = "registry")]
pub(crate) mod typed_outputs;
