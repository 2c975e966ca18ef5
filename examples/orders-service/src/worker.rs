//! The Kafka side.

use crate::orders::Order;
use crate::store::Store;
use crate::{DEAD_LETTERS, TOPIC};
use rws_kafka::{
    Backoff, ConsumerContext, ConsumerError, ConsumerHandle, HandlerError, HandlerResult,
    KafkaConfig, KafkaConsumer, Ordering,
};
use std::sync::Arc;
use std::time::Duration;

/// Fulfils the orders of the topic, on threads of its own; what is no order goes to the dead
/// letters.
pub(crate) fn start(
    config: KafkaConfig,
    store: Arc<Store>,
) -> Result<ConsumerHandle, ConsumerError> {
    KafkaConsumer::new(config)?
        .subscribe([TOPIC])?
        .concurrency(4)
        .ordering(Ordering::Key)
        .dead_letter_queue(DEAD_LETTERS)
        .max_retries(3)
        .retry_backoff(Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(5),
        ))
        .try_start(move |msg: ConsumerContext| fulfil(&msg, &store))
}

fn fulfil(msg: &ConsumerContext, store: &Store) -> HandlerResult {
    // No retry makes an order of it.
    let order = Order::parse(msg.payload().unwrap_or_default())
        .map_err(|reason| HandlerError::from(reason).permanent())?;
    store.fulfil(msg, order)?;
    tracing::info!(order.order_id, offset = msg.offset(), "fulfilled an order");
    msg.commit()
}
