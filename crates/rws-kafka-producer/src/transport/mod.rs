//! The producer on librdkafka.

mod client;
mod errors;
mod transactions;

#[cfg(feature = "testing")]
pub(crate) use client::size;
pub(crate) use client::{Client, Enqueue, Report, check_size, max_message_bytes};
pub(crate) use errors::Failed;
pub(crate) use transactions::{Offsets, StepFailure};
