//! The Kafka side.

use crate::TOPIC;
use crate::orders::{Fulfilled, Order};
use rws_kafka::{
    ConsumerContext, ConsumerError, ConsumerHandle, HandlerResult, KafkaConfig, KafkaConsumer,
};
use std::sync::Arc;

/// Fulfils the orders of the topic, on threads of its own.
pub(crate) fn start(
    config: KafkaConfig,
    orders: Arc<Fulfilled>,
) -> Result<ConsumerHandle, ConsumerError> {
    KafkaConsumer::new(config)?
        .subscribe([TOPIC])?
        .try_start(move |msg: ConsumerContext| fulfil(&msg, &orders))
}

fn fulfil(msg: &ConsumerContext, orders: &Fulfilled) -> HandlerResult {
    match Order::parse(msg.payload().unwrap_or_default()) {
        Ok(order) => {
            orders.fulfil(order);
            tracing::info!(order.order_id, offset = msg.offset(), "fulfilled an order");
        }
        // An error here would bring the message back for ever, and hold up its partition.
        Err(reason) => tracing::warn!(
            partition = msg.partition(),
            offset = msg.offset(),
            "skipped what is no order: {reason}"
        ),
    }
    msg.commit()
}
