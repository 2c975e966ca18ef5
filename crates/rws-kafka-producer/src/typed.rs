//! Methods that send values as JSON.

use crate::error::ProducerError;
use crate::producer::KafkaProducer;
use crate::transaction::Transaction;
use rws_kafka_schema::json;
use serde::Serialize;

/// # JSON
impl KafkaProducer {
    /// Sends `value` as JSON, as [`send`](Self::send) does a payload.
    ///
    /// ```no_run
    /// use rws_kafka_producer::KafkaProducer;
    ///
    /// #[derive(serde::Serialize)]
    /// struct OrderCreated {
    ///     order_id: u64,
    ///     user_id: u64,
    ///     amount_cents: u64,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let producer = KafkaProducer::from_env()?;
    /// producer.send_typed("orders.created", &OrderCreated { order_id: 1, user_id: 42, amount_cents: 9900 })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Encode`](ProducerError::Encode) if `value` cannot be written as JSON.
    pub fn send_typed<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send(topic, encode_json(topic, value)?)
    }

    /// Sends `value` as JSON to the partition that `key` selects, as [`send_keyed`](Self::send_keyed).
    ///
    /// # Errors
    ///
    /// As [`send_typed`](Self::send_typed).
    pub fn send_typed_keyed<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send_keyed(topic, key, encode_json(topic, value)?)
    }
}

impl Transaction {
    /// Sends `value` as JSON in this transaction, as [`send`](Self::send) does a payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Encode`](ProducerError::Encode) if `value` cannot be written as JSON.
    pub fn send_typed<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send(topic, encode_json(topic, value)?)
    }

    /// Sends `value` as JSON to the partition that `key` selects, as [`send_keyed`](Self::send_keyed).
    ///
    /// # Errors
    ///
    /// As [`send_typed`](Self::send_typed).
    pub fn send_typed_keyed<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<(), ProducerError> {
        self.send_keyed(topic, key, encode_json(topic, value)?)
    }
}

/// Encodes `value` as JSON, as [`KafkaProducer::send_typed`] does, for a message to `topic`.
///
/// # Errors
///
/// [`ProducerError::Encode`] if `value` cannot be written as JSON.
pub fn encode_json<T: Serialize + ?Sized>(
    topic: &str,
    value: &T,
) -> Result<Vec<u8>, ProducerError> {
    json::encode(value).map_err(|source| ProducerError::Encode {
        topic: topic.to_owned(),
        source: Box::new(source),
    })
}
