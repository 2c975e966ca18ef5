//! Reading values.

use crate::context::ConsumerContext;
use crate::payload::PayloadError;
use rws_kafka_schema::json;
use serde::de::DeserializeOwned;

impl ConsumerContext {
    /// The value that the payload holds as JSON.
    ///
    /// ```no_run
    /// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct OrderCreated {
    ///     order_id: u64,
    ///     user_id: u64,
    ///     amount_cents: u64,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created"])?;
    /// consumer.start(|msg: ConsumerContext| {
    ///     let event: OrderCreated = msg.deserialize_json()?;
    ///     println!("order {} for user {}", event.order_id, event.user_id);
    ///     msg.commit()
    /// });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PayloadError::Tombstone`], and [`PayloadError::Decode`], whose source tells line, column and
    /// path of what is wrong. No retry helps against either, so that a
    /// [`HandlerError`](crate::HandlerError) made of it is permanent.
    pub fn deserialize_json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let payload = self.payload().ok_or_else(|| PayloadError::Tombstone {
            partition: self.topic_partition(),
            offset: self.offset(),
        })?;
        json::decode(payload).map_err(|source| PayloadError::Decode {
            partition: self.topic_partition(),
            offset: self.offset(),
            source,
        })
    }
}
