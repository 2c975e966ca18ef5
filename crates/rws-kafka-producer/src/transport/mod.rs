//! The client of a producer on librdkafka.

mod client;
pub(crate) mod errors;
mod report;
mod transactions;

use crate::client::{Client, Connect, Wanted};
use crate::error::ProducerError;
use client::KafkaClient;
use std::sync::Arc;

/// Connects to the brokers that the properties name.
pub(crate) struct Librdkafka;

impl Connect for Librdkafka {
    fn connect(&self, wanted: &Wanted) -> Result<Arc<dyn Client>, ProducerError> {
        Ok(KafkaClient::new(wanted)?)
    }
}
