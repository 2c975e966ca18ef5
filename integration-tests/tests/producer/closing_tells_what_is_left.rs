use crate::support::{Pausable, block_on, counted, payloads};
use integration_tests::{Kafka, SOON, soon, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn send_numbers(producer: &KafkaProducer, topic: &str, count: usize) {
    for number in numbers(count) {
        producer.send(topic, number).unwrap();
    }
}

#[test]
fn a_flush_waits_for_every_outcome() {
    let kafka = Kafka::shared();
    let topic = unique_topic("flush");
    kafka.create_topic(&topic, 1);
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    let config = kafka.producer_config().on_delivery(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let producer = KafkaProducer::new(config).unwrap();
    send_numbers(&producer, &topic, 10_000);
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(told.load(Ordering::Relaxed), 10_000);
    assert_eq!(payloads(kafka, &topic), numbers(10_000));
    // An endless timeout is also valid.
    assert!(producer.flush(Duration::MAX).is_complete());
    assert!(producer.close(Duration::MAX).is_complete());
}

#[test]
fn a_flush_tells_what_is_left_and_gives_nothing_up() {
    let kafka = Pausable::take();
    let topic = unique_topic("flush");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();
    producer.send_sync(&topic, "first").unwrap();
    kafka.pause();
    send_numbers(&producer, &topic, 40);
    assert_eq!(producer.flush(Duration::from_millis(300)).undelivered, 40);
    kafka.unpause();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic)[1..], numbers(40));
}

#[test]
fn a_close_tells_counts_and_reports_what_it_gave_up() {
    let kafka = Pausable::take();
    let topic = unique_topic("close");
    kafka.create_topic(&topic, 1);
    let observer = Observer::new();
    let told: Arc<Mutex<Vec<Option<ProducerError>>>> = Arc::default();
    let telling = Arc::clone(&told);
    let config = kafka
        .producer_config()
        .observer(observer.clone())
        .on_delivery(move |report| telling.lock().unwrap().push(report.result.err().cloned()));
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(&topic, "first").unwrap();
    kafka.pause();

    send_numbers(&producer, &topic, 40);
    let future = producer.send_async(&topic, "async");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.send_sync(&topic, "sync").unwrap_err());
        soon(|| producer.flush(Duration::ZERO).undelivered == 42);
        let started = Instant::now();
        assert_eq!(producer.close(Duration::from_millis(300)).undelivered, 42);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        for error in [waiting.join().unwrap(), block_on(future).unwrap_err()] {
            assert!(
                matches!(error, ProducerError::Undelivered { .. }),
                "{error:?}"
            );
            assert!(error.is_retriable());
            let text =
                format!("the producer was closed before topic {topic:?} acknowledged the message");
            assert_eq!(error.to_string(), text);
        }
    });
    assert_eq!(
        counted(&observer, "rws_kafka_messages_produced_total", &topic),
        1
    );
    assert_eq!(
        counted(&observer, "rws_kafka_produce_errors_total", &topic),
        42
    );
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 43);
    let given_up = |error: &Option<_>| matches!(error, Some(ProducerError::Undelivered { .. }));
    assert_eq!(told.iter().filter(|error| given_up(error)).count(), 42);

    assert_eq!(producer.close(SOON).undelivered, 0);
    let error = producer.send(&topic, "late").unwrap_err();
    assert!(matches!(error, ProducerError::Closed));
}

#[test]
fn a_closed_producer_takes_no_more() {
    let kafka = Kafka::shared();
    let topic = unique_topic("closed");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();
    let clone = producer.clone();
    send_numbers(&producer, &topic, 10);
    assert!(producer.close(SOON).is_complete());
    assert!(clone.close(SOON).is_complete());
    for error in [
        clone.send(&topic, "late").unwrap_err(),
        clone.send_sync(&topic, "late").unwrap_err(),
        block_on(clone.send_async(&topic, "late")).unwrap_err(),
    ] {
        assert!(matches!(error, ProducerError::Closed), "{error:?}");
        assert!(error.is_fatal());
        assert_eq!(error.to_string(), "the producer is closed");
    }
    drop((producer, clone));
    assert_eq!(payloads(kafka, &topic), numbers(10));
}

#[test]
fn the_drop_of_the_last_clone_flushes() {
    let kafka = Kafka::shared();
    let topic = unique_topic("drop");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();
    send_numbers(&producer, &topic, 1_000);
    let clone = producer.clone();
    drop(producer);
    clone.send(&topic, "1000").unwrap();
    let future = clone.send_async(&topic, "1001");
    drop(clone);
    assert_eq!(payloads(kafka, &topic), numbers(1_002));
    // A future outlives its producer.
    assert_eq!(block_on(future).unwrap().offset, 1_001);
}

#[test]
fn the_drop_is_bounded_when_the_broker_is_silent() {
    let kafka = Pausable::take();
    let topic = unique_topic("drop");
    kafka.create_topic(&topic, 1);
    let observer = Observer::new();
    let config = kafka
        .producer_config()
        .observer(observer.clone())
        .close_timeout(Duration::from_millis(300));
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(&topic, "first").unwrap();
    kafka.pause();
    send_numbers(&producer, &topic, 20);
    let future = producer.send_async(&topic, "async");
    let started = Instant::now();
    drop(producer);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        counted(&observer, "rws_kafka_produce_errors_total", &topic),
        21
    );
    let error = block_on(future).unwrap_err();
    assert!(
        matches!(error, ProducerError::Undelivered { .. }),
        "{error:?}"
    );
}

#[test]
fn the_last_clone_may_go_in_on_delivery() {
    let kafka = Kafka::shared();
    let topic = unique_topic("drop");
    kafka.create_topic(&topic, 1);
    let cell: Arc<Mutex<Option<KafkaProducer>>> = Arc::default();
    let inside = Arc::clone(&cell);
    let observer = Observer::new();
    let config = kafka
        .producer_config()
        .observer(observer.clone())
        .on_delivery(move |_| drop(inside.lock().unwrap().take()));
    let producer = KafkaProducer::new(config).unwrap();
    let mut held = cell.lock().unwrap();
    send_numbers(&producer, &topic, 1_000);
    *held = Some(producer);
    drop(held);
    soon(|| counted(&observer, "rws_kafka_messages_produced_total", &topic) == 1_000);
    assert_eq!(payloads(kafka, &topic), numbers(1_000));
    // Afterwards nothing of it remains.
    soon(|| observer.readiness().producer().is_none());
    assert!(cell.lock().unwrap().is_none());
}
