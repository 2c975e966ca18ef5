//! The Kafka side.

use crate::orders::Order;
use crate::store::Store;
use crate::{DEAD_LETTERS, PARTITIONS, TOPIC};
use rws_kafka::outbox::OutboxError;
use rws_kafka::{
    Backoff, ConsumerContext, ConsumerError, ConsumerHandle, ErrorClass, HandlerError,
    HandlerResult, KafkaConfig, KafkaConsumer, Ordering,
};
use std::sync::Arc;
use std::time::Duration;

/// Fulfils the orders of the topic, on its own threads. A message that is not an order is
/// dead-lettered. Any other failure is retried until it succeeds.
pub(crate) fn start(
    config: KafkaConfig,
    store: Arc<Store>,
) -> Result<ConsumerHandle, ConsumerError> {
    consumer(config)?.try_start(move |msg: ConsumerContext| fulfil(&msg, &store))
}

fn consumer(config: KafkaConfig) -> Result<KafkaConsumer, ConsumerError> {
    Ok(KafkaConsumer::new(config)?
        .subscribe([TOPIC])?
        .concurrency(4)
        .ordering(Ordering::Key)
        .dead_letter_queue(DEAD_LETTERS)
        // On a new cluster, no message would arrive without them.
        .create_missing_topics(PARTITIONS)
        // The database becomes available again, so only permanent failures are dead-lettered.
        .max_retries(u32::MAX)
        .classify_errors(class_of)
        .retry_backoff(Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(5),
        )))
}

fn class_of(error: &HandlerError) -> ErrorClass {
    match error.downcast_ref() {
        // The message is at fault, like one that is not an order.
        Some(OutboxError::InvalidId { .. }) => ErrorClass::Permanent,
        _ => error.class(),
    }
}

fn fulfil(msg: &ConsumerContext, store: &Store) -> HandlerResult {
    // A retry cannot make it an order.
    let order = Order::parse(msg.payload().unwrap_or_default())
        .map_err(|reason| HandlerError::from(reason).permanent())?;
    store.fulfil(msg, order)?;
    tracing::info!(order.order_id, offset = msg.offset(), "fulfilled an order");
    msg.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Placed;
    use rws_kafka::KafkaProducer;
    use rws_kafka::testing::{SendFault, Sent, TestMessage, TestWorker, config};
    use std::sync::Mutex;

    const ORDER: Order = Order {
        order_id: 1,
        user_id: 42,
        amount_cents: 9900,
    };

    /// The service in memory: its worker, its store, and what it publishes.
    fn service() -> (TestWorker, Arc<Store>, Sent) {
        let (producer, sent) = KafkaProducer::for_test();
        let store = Arc::new(Store::Memory {
            producer,
            fulfilled: Mutex::default(),
        });
        let of_worker = Arc::clone(&store);
        let handler = move |msg: ConsumerContext| fulfil(&msg, &of_worker);
        let worker = TestWorker::new(consumer(config()).unwrap(), handler).unwrap();
        (worker, store, sent)
    }

    #[test]
    fn an_order_that_is_placed_is_fulfilled() {
        let (mut worker, store, sent) = service();
        assert_eq!(store.place(ORDER).unwrap(), Placed::Accepted);
        let event = sent.only();
        assert_eq!((event.topic(), event.key_str()), (TOPIC, "1"));
        assert_eq!(store.fulfilled(1).unwrap(), None);

        worker.give(event);
        worker.run();
        assert_eq!(store.fulfilled(1).unwrap(), Some(ORDER.to_json()));
        assert_eq!(worker.committed(TOPIC, 0), Some(1), "{worker}");
    }

    #[test]
    fn what_is_no_order_is_a_dead_letter_at_once_and_holds_up_nobody() {
        let (mut worker, store, _) = service();
        worker.give(TestMessage::new(TOPIC, r#"{"order_id":"x"}"#).key("1"));
        worker.give(TestMessage::tombstone(TOPIC).key("2"));
        worker.give(TestMessage::new(TOPIC, ORDER.to_json()).key("1"));
        worker.run();
        let letters = worker.dead_letters();
        let keys: Vec<&str> = letters.iter().map(|letter| letter.key_str()).collect();
        assert_eq!(keys, ["1", "2"], "{worker}");
        let reason = letters[0].header_str("rws-dlq-error-reason");
        assert!(reason.is_some_and(|reason| reason.starts_with("order_id must be an integer")));
        assert_eq!(letters[0].header_str("rws-dlq-attempts"), Some("1"));
        assert_eq!(store.fulfilled(1).unwrap(), Some(ORDER.to_json()));
        assert_eq!(worker.committed(TOPIC, 0), Some(3), "{worker}");
    }

    #[test]
    fn an_order_is_retried_until_the_database_is_back_however_long_that_takes() {
        let handler = |msg: ConsumerContext| match msg.attempt() {
            1..=100 => Err(OutboxError::TimedOut {
                doing: "provide a connection",
                after: Duration::from_secs(30),
            }
            .into()),
            _ => msg.commit(),
        };
        let mut worker = TestWorker::new(consumer(config()).unwrap(), handler).unwrap();
        worker.give(TestMessage::new(TOPIC, ORDER.to_json()).key("1"));
        worker.run_to_end();
        assert_eq!(worker.attempts(TOPIC, 0, 0), 101, "{worker}");
        assert!(worker.dead_letters().is_empty(), "{worker}");
        assert_eq!(worker.committed(TOPIC, 0), Some(1), "{worker}");
    }

    #[test]
    fn an_order_whose_id_no_database_takes_is_a_dead_letter_at_once() {
        let handler = |_: ConsumerContext| {
            Err(OutboxError::InvalidId {
                what: "message id",
                found: "a".to_owned(),
                size: 2000,
                limit: 1024,
            }
            .into())
        };
        let mut worker = TestWorker::new(consumer(config()).unwrap(), handler).unwrap();
        worker.give(TestMessage::new(TOPIC, ORDER.to_json()).key("1"));
        worker.run();
        assert_eq!(
            worker.dead_letter().header_str("rws-dlq-attempts"),
            Some("1")
        );
        assert_eq!(worker.committed(TOPIC, 0), Some(1), "{worker}");
    }

    #[test]
    fn an_order_is_not_accepted_where_its_event_is_not() {
        let (_, store, sent) = service();
        sent.fail_next(SendFault::QueueFull);
        let error = store.place(ORDER).unwrap_err();
        assert!(error.to_string().contains("queue is full"), "{error}");
        assert!(sent.records().is_empty());
    }
}
