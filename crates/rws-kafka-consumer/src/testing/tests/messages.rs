use super::*;
use crate::{ConsumerError, PayloadError};
use rws_kafka_producer::KafkaProducer;

#[test]
fn a_message_can_be_read_without_a_worker() {
    let message = TestMessage::new("a", vec![0xff])
        .key("k")
        .header("h", [1, 2]);
    let msg = message.offset(7).timestamp_ms(5).into_context();
    assert_eq!((msg.topic(), msg.partition(), msg.offset()), ("a", 0, 7));
    assert_eq!(
        (msg.key(), msg.header("h")),
        (Some(&b"k"[..]), Some(Some(&[1, 2][..])))
    );
    assert_eq!((msg.timestamp_ms(), msg.group()), (Some(5), "test"));
    let error = msg.payload_str().unwrap_err();
    assert!(matches!(error, PayloadError::NotUtf8 { offset: 7, .. }));
    msg.commit().unwrap();
    msg.commit_sync().unwrap();
    let tombstone = TestMessage::tombstone("a").into_context();
    assert!(matches!(
        tombstone.payload_str(),
        Err(PayloadError::Tombstone { .. })
    ));
}

#[test]
fn a_message_continues_its_trace() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let message = TestMessage::new("a", "0").header("traceparent", trace);
    let context = message.clone().into_context();
    assert!(context.trace_context().is_some());

    // From a handler that publishes to the next handler.
    let (producer, sent) = KafkaProducer::for_test();
    let handler = move |msg: ConsumerContext| {
        producer.send_keyed("b", "key", msg.payload().unwrap_or_default())?;
        msg.commit()
    };
    let mut worker = TestWorker::new(consumer(&["a"]), handler).unwrap();
    worker.give(message);
    worker.run();
    let published = sent.only();
    let header = published.header_str("traceparent").unwrap();
    assert!(
        header.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
        "{header}"
    );
    let mut next = TestWorker::new(consumer(&["b"]), handle_as_it_says).unwrap();
    next.give(published);
    next.run();
    assert_eq!(next.committed("b", 0), Some(1), "{next}");
}

#[test]
fn a_full_queue_of_the_handlers_producer_is_a_retry() {
    let (producer, sent) = KafkaProducer::for_test();
    let handler = move |msg: ConsumerContext| {
        producer.send_sync("b", msg.payload().unwrap_or_default())?;
        msg.commit()
    };
    let mut worker = TestWorker::new(consumer(&["a"]).retry_backoff_ms(1000), handler).unwrap();
    sent.fail_next(SendFault::QueueFull);
    sent.fail_next(SendFault::TimedOut);
    worker.give(TestMessage::new("a", "x"));
    worker.advance(2 * SECOND);
    assert_eq!(worker.attempts("a", 0, 0), 3, "{worker}");
    assert_eq!(
        (sent.only().payload_str(), worker.committed("a", 0)),
        ("x", Some(1))
    );
}

#[test]
fn hooks_are_not_called_for_a_message_alone() {
    let consumer = consumer(&["a"]).on_assign(|_| panic!("this is no assignment"));
    let msg = TestMessage::new("a", "x").into_context_of(&consumer);
    assert_eq!(msg.group(), "test");
    assert!(msg.commit_sync().is_ok());
}

/// The context is that of a worker of the consumer, whatever its other settings.
#[test]
fn a_message_alone_knows_the_retry_topics_of_a_consumer_of_batches() {
    let consumer = consumer(&["a"])
        .retry_topics([SECOND])
        .batch_max_messages(100);
    let msg = TestMessage::new("a-test-retry-1000", "x")
        .header("kafka_original-topic", "a")
        .header("kafka_original-partition", &3_i32.to_be_bytes()[..])
        .header("kafka_original-offset", &7_i64.to_be_bytes()[..])
        .into_context_of(&consumer);
    assert_eq!(msg.topic(), "a-test-retry-1000");
    let original = (msg.original_partition(), msg.original_offset());
    assert_eq!((msg.original_topic(), original), ("a", (3, 7)));
}

#[test]
fn commit_sync_tells_of_what_is_unfinished_before_it() {
    let consumer = consumer(&["a"])
        .ordering(crate::Ordering::None)
        .retry_backoff_ms(1000);
    let mut worker = TestWorker::new(consumer, |msg: ConsumerContext| {
        if msg.offset() == 0 && msg.attempt() == 1 {
            return Err(HandlerError::new("not yet"));
        }
        msg.commit_sync()
    })
    .unwrap();
    worker.give_all(["", ""].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    let words = ConsumerError::Unfinished {
        partition: crate::TopicPartition::new("a", 0),
    };
    assert!(worker.to_string().contains(&words.to_string()), "{worker}");
    worker.run_to_end();
    assert_eq!(worker.committed("a", 0), Some(2), "{worker}");
}
