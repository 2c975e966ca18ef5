use crate::support::{Pausable, block_on, counted, payloads};
use integration_tests::{SOON, soon, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerConfig, ProducerError};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

const QUEUE: usize = 50;
/// Longer than any test here: a call that lasts so long hangs.
const FOR_EVER: Duration = Duration::from_secs(300);

/// Returns a producer that knows its topic, and a broker that falls silent.
fn before_silence(
    kafka: &Pausable,
    topic: &str,
    settings: impl FnOnce(ProducerConfig) -> ProducerConfig,
) -> KafkaProducer {
    kafka.create_topic(topic, 1);
    let config = settings(kafka.producer_config().queue_messages(QUEUE));
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(topic, "first").unwrap();
    kafka.pause();
    producer
}

/// Sends numbers until the queue is full; returns how many it accepted, and the error.
fn fill(producer: &KafkaProducer, topic: &str) -> (usize, ProducerError) {
    for number in 0.. {
        if let Err(error) = producer.send(topic, number.to_string()) {
            return (number, error);
        }
    }
    unreachable!("a queue without a bound");
}

fn first_and_numbers(count: usize) -> Vec<String> {
    let first = std::iter::once("first".to_owned());
    first.chain((0..count).map(|n| n.to_string())).collect()
}

#[test]
fn what_a_full_queue_took_arrives_once_and_in_order() {
    let kafka = Pausable::take();
    let topic = unique_topic("full");
    let observer = Observer::new();
    let producer = before_silence(&kafka, &topic, |config| {
        config
            .observer(observer.clone())
            .max_block(Duration::from_millis(300))
    });
    let (accepted, error) = fill(&producer, &topic);
    assert_eq!(accepted, QUEUE);
    assert!(
        matches!(error, ProducerError::QueueFull { .. }),
        "{error:?}"
    );
    assert!(error.is_retriable());
    let expected =
        format!("the producer's queue is full: no room for a message to {topic:?} within 300ms");
    assert!(error.to_string().starts_with(&expected), "{error}");
    let error = producer.send_sync(&topic, "no room").unwrap_err();
    assert!(
        matches!(error, ProducerError::QueueFull { .. }),
        "{error:?}"
    );

    kafka.unpause();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic), first_and_numbers(QUEUE));
    // The two that were refused count as failed.
    assert_eq!(
        counted(&observer, "rws_kafka_produce_errors_total", &topic),
        2
    );
    let produced = counted(&observer, "rws_kafka_messages_produced_total", &topic);
    assert_eq!(produced, QUEUE as u64 + 1);
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let kafka = Pausable::take();
    let topic = unique_topic("full-bytes");
    let producer = before_silence(&kafka, &topic, |config| {
        config
            .queue_messages(1_000)
            .queue_kbytes(64)
            .max_block(Duration::ZERO)
    });
    let payload = [b'x'; 8 * 1024];
    let accepted = (0..)
        .take_while(|_| producer.send(&topic, payload).is_ok())
        .count();
    assert!((7..=8).contains(&accepted), "{accepted}");
    kafka.unpause();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic).len(), accepted + 1);
}

#[test]
fn a_send_that_waits_goes_on_when_there_is_room() {
    let kafka = Pausable::take();
    let topic = unique_topic("waits");
    let producer = before_silence(&kafka, &topic, |config| config.max_block(FOR_EVER));
    let more = QUEUE * 4;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..more {
                producer.send(&topic, number.to_string()).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        // It fills the queue and waits there.
        soon(|| producer.flush(Duration::ZERO).undelivered >= QUEUE);
        assert!(!done.load(Ordering::Acquire));
        kafka.unpause();
    });
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic), first_and_numbers(more));
}

#[test]
fn a_close_ends_a_send_that_waits() {
    let kafka = Pausable::take();
    let topic = unique_topic("waits");
    let producer = before_silence(&kafka, &topic, |config| config.max_block(Duration::MAX));
    for number in 0..QUEUE {
        producer.send(&topic, number.to_string()).unwrap();
    }
    thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.send(&topic, "no room"));
        let future = producer.send_async(&topic, "no room");
        let report = producer.close(Duration::from_millis(300));
        assert!(report.undelivered >= QUEUE, "{report:?}");
        // If a purge made room first, they were accepted and then purged with the rest.
        let ended = |error| {
            matches!(
                error,
                ProducerError::Closed | ProducerError::Undelivered { .. }
            )
        };
        let refused = waiting.join().unwrap();
        assert!(refused.is_ok() || ended(refused.unwrap_err()));
        assert!(ended(block_on(future).unwrap_err()));
    });
}

/// Polls once. It returns before the broker answers, which shows that nothing blocks.
fn is_pending(future: &mut DeliveryFuture) -> bool {
    let mut future = pin!(future);
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

#[test]
fn send_async_does_not_block_on_a_full_queue() {
    let kafka = Pausable::take();
    let topic = unique_topic("async");
    let producer = before_silence(&kafka, &topic, |config| config.max_block(FOR_EVER));
    for number in 0..QUEUE {
        producer.send(&topic, number.to_string()).unwrap();
    }
    let started = Instant::now();
    let mut kept = producer.send_async(&topic, "kept");
    let mut dropped = producer.send_async(&topic, "dropped");
    assert!(is_pending(&mut kept));
    assert!(is_pending(&mut dropped));
    assert!(started.elapsed() < FOR_EVER);
    assert_eq!(
        format!("{kept:?}"),
        r#"DeliveryFuture("waiting for room in the queue")"#
    );
    // It was not accepted yet, so this takes it back.
    drop(dropped);

    kafka.unpause();
    let delivery = block_on(kept).unwrap();
    assert_eq!(delivery.offset, QUEUE as i64 + 1);
    let mut expected = first_and_numbers(QUEUE);
    expected.push("kept".to_owned());
    assert_eq!(payloads(&kafka, &topic), expected);
}

#[test]
fn send_async_gives_up_on_a_queue_that_stays_full() {
    let kafka = Pausable::take();
    let topic = unique_topic("async");
    let producer = before_silence(&kafka, &topic, |config| {
        config.max_block(Duration::from_millis(200))
    });
    for number in 0..QUEUE {
        producer.send(&topic, number.to_string()).unwrap();
    }
    let error = block_on(producer.send_async(&topic, "no room")).unwrap_err();
    assert!(
        matches!(error, ProducerError::QueueFull { .. }),
        "{error:?}"
    );
    kafka.unpause();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic), first_and_numbers(QUEUE));
}
