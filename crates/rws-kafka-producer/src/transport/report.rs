use super::errors::Failed;
use crate::checks::size;
use crate::deliveries::Report;
use crate::delivery::Delivery;
use crate::error::ProducerError;
use rdkafka::message::{Headers, Message, Timestamp};
use rdkafka::producer::DeliveryResult;
use rws_kafka_client::Connection;
use std::time::Duration;

/// A delivery report of librdkafka, and why the client failed, if it has.
pub(super) struct KafkaReport<'a>(
    pub(super) &'a DeliveryResult<'a>,
    pub(super) Option<&'a str>,
);

impl KafkaReport<'_> {
    fn message(&self) -> &impl Message {
        match self.0 {
            Ok(message) | Err((_, message)) => message,
        }
    }

    fn timestamp_ms(&self) -> Option<i64> {
        match self.message().timestamp() {
            Timestamp::NotAvailable => None,
            Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) => Some(ms),
        }
    }
}

impl Report for KafkaReport<'_> {
    fn topic(&self) -> &str {
        self.message().topic()
    }

    fn key(&self) -> Option<&[u8]> {
        self.message().key()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.message().payload()
    }

    fn is_delivered(&self) -> bool {
        self.0.is_ok()
    }

    fn result(
        &self,
        timeout: Duration,
        connection: &Connection,
    ) -> Result<Delivery, ProducerError> {
        match self.0 {
            Ok(message) => Ok(Delivery {
                partition: message.partition(),
                offset: message.offset(),
                timestamp_ms: self.timestamp_ms(),
            }),
            Err((error, message)) => {
                let headers = message
                    .headers()
                    .into_iter()
                    .flat_map(|headers| headers.iter());
                Err(Failed {
                    topic: message.topic(),
                    partition: message.partition(),
                    size: size(
                        message.key(),
                        message.payload(),
                        headers.map(|header| (header.key, header.value)),
                    ),
                    delivery_timeout: timeout,
                    connection,
                    client_failure: self.1,
                }
                .because_of(error))
            }
        }
    }
}
