use crate::support::{block_on, counted};
use integration_tests::{Kafka, SOON, soon, unique_topic};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::{KafkaProducer, ProducerError, Record};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

#[test]
fn on_delivery_is_told_of_each_message_once() {
    type Told = HashMap<(String, Vec<u8>), Vec<Result<i64, ProducerError>>>;
    let kafka = Kafka::shared();
    let (topic, small) = (unique_topic("told"), unique_topic("told-small"));
    kafka.create_topic(&topic, 3);
    kafka.create_topic_with(&small, 1, &[("max.message.bytes", "1000")]);
    let told: Arc<Mutex<Told>> = Arc::default();
    let telling = Arc::clone(&told);
    let config = kafka.producer_config().on_delivery(move |report| {
        let id = (report.topic.to_owned(), report.key.unwrap().to_vec());
        let bytes = report.payload.map_or(0, <[u8]>::len);
        assert!(bytes == 2000 || bytes == 10);
        let result = report
            .result
            .map(|delivery| delivery.offset)
            .map_err(Clone::clone);
        telling.lock().unwrap().entry(id).or_default().push(result);
    });
    let producer = KafkaProducer::new(config).unwrap();
    for number in 0..500 {
        producer
            .send_keyed(&topic, number.to_string(), [b'x'; 10])
            .unwrap();
    }
    for number in 0..5 {
        producer
            .send_keyed(&small, number.to_string(), [b'x'; 2000])
            .unwrap();
    }
    assert!(producer.close(SOON).is_complete());

    let told = told.lock().unwrap();
    assert_eq!(told.len(), 505);
    for ((told_topic, key), results) in told.iter() {
        match &results[..] {
            [Ok(_)] if *told_topic == topic => {}
            [Err(ProducerError::MessageTooLarge { .. })] if *told_topic == small => {}
            other => panic!("{told_topic} {key:?}: {other:?}"),
        }
    }
}

#[test]
fn on_delivery_runs_in_order_on_one_thread_while_others_flush() {
    const COUNT: i64 = 20_000;
    let kafka = Kafka::shared();
    let topic = unique_topic("told-in-order");
    kafka.create_topic(&topic, 1);
    let told: Arc<Mutex<(Vec<i64>, HashSet<ThreadId>)>> = Arc::default();
    let telling = Arc::clone(&told);
    let config = kafka.producer_config().on_delivery(move |report| {
        let (offsets, threads) = &mut *telling.lock().unwrap();
        offsets.push(report.result.unwrap().offset);
        threads.insert(thread::current().id());
    });
    let producer = KafkaProducer::new(config).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while told.lock().unwrap().0.len() < COUNT as usize {
                    let _ = producer.flush(Duration::from_millis(50));
                }
            });
        }
        for _ in 0..COUNT {
            producer.send(&topic, "x").unwrap();
        }
    });
    let (offsets, threads) = &*told.lock().unwrap();
    assert!(offsets.iter().copied().eq(0..COUNT));
    assert_eq!(threads.len(), 1);
}

#[test]
fn a_panic_in_on_delivery_is_contained() {
    let kafka = Kafka::shared();
    let topic = unique_topic("panics");
    kafka.create_topic(&topic, 1);
    let calls = Arc::new(AtomicUsize::new(0));
    let called = Arc::clone(&calls);
    let observer = Observer::new();
    let config = kafka
        .producer_config()
        .observer(observer.clone())
        .on_delivery(move |_| {
            called.fetch_add(1, Ordering::Relaxed);
            panic!("a mistake in on_delivery: expected in this test");
        });
    let producer = KafkaProducer::new(config).unwrap();
    for offset in 0..3 {
        assert_eq!(producer.send_sync(&topic, "x").unwrap().offset, offset);
    }
    let awaited = producer.send_async(&topic, "x");
    assert_eq!(block_on(awaited).unwrap().offset, 3);
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    assert_eq!(
        counted(&observer, "rws_kafka_messages_produced_total", &topic),
        4
    );
}

#[test]
fn on_delivery_may_send_but_not_wait() {
    let kafka = Kafka::shared();
    let (topic, audit) = (unique_topic("audited"), unique_topic("audit"));
    kafka.create_topic(&topic, 1);
    kafka.create_topic(&audit, 1);
    let cell: Arc<Mutex<Option<KafkaProducer>>> = Arc::default();
    let errors: Arc<Mutex<Vec<ProducerError>>> = Arc::default();
    let (inside, told, audited) = (Arc::clone(&cell), Arc::clone(&errors), audit.clone());
    let config = kafka.producer_config().on_delivery(move |report| {
        if report.topic == audited {
            return;
        }
        let producer = inside.lock().unwrap();
        let producer = producer.as_ref().unwrap();
        producer.send(&audited, "by send").unwrap();
        drop(producer.send_async(&audited, "by send_async"));
        let error = producer.send_sync(&audited, "by send_sync").unwrap_err();
        told.lock().unwrap().push(error);
    });
    let producer = KafkaProducer::new(config).unwrap();
    *cell.lock().unwrap() = Some(producer.clone());
    producer.send(&topic, "x").unwrap();
    soon(|| kafka.end_offset(&audit, 0) == 2);

    // Otherwise producer and callback keep each other alive.
    cell.lock().unwrap().take();
    assert!(producer.close(SOON).is_complete());
    let errors = errors.lock().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(matches!(errors[0], ProducerError::InCallback { .. }));
    assert_eq!(
        errors[0].to_string(),
        format!("send_sync to topic {audit:?} cannot wait in on_delivery: use send or send_async")
    );
}

#[test]
fn metrics_count_what_was_sent_and_what_failed() {
    let kafka = Kafka::shared();
    let (topic, small) = (unique_topic("counted"), unique_topic("counted-small"));
    kafka.create_topic(&topic, 2);
    kafka.create_topic_with(&small, 1, &[("max.message.bytes", "1000")]);
    let observer = Observer::new();
    let config = kafka
        .producer_config()
        .observer(observer.clone())
        .max_message_bytes(5_000);
    let producer = KafkaProducer::new(config).unwrap();
    for number in 0..300 {
        producer
            .send_keyed(&topic, number.to_string(), "x")
            .unwrap();
    }
    producer.send_sync(&topic, "x").unwrap();
    // The latency does not depend on the message's timestamp.
    let record = Record::to(&topic).payload("x").timestamp_ms(1_000);
    producer.send_record_sync(record).unwrap();
    // Refused by the broker, and before it.
    producer.send_sync(&small, [b'x'; 2_000]).unwrap_err();
    producer.send(&small, [b'x'; 6_000]).unwrap_err();
    assert!(producer.close(SOON).is_complete());

    let of = |family, topic| counted(&observer, family, topic);
    assert_eq!(of("rws_kafka_messages_produced_total", &topic), 302);
    assert_eq!(of("rws_kafka_produce_errors_total", &topic), 0);
    assert_eq!(of("rws_kafka_produce_latency_ms_count", &topic), 302);
    assert!(of("rws_kafka_produce_latency_ms_sum", &topic) < 302 * 60_000);
    assert_eq!(of("rws_kafka_messages_produced_total", &small), 0);
    assert_eq!(of("rws_kafka_produce_errors_total", &small), 2);
}

#[test]
fn health_follows_the_broker() {
    let kafka = Kafka::shared();
    let observer = Observer::new();
    let producer = KafkaProducer::new(kafka.producer_config().observer(observer.clone())).unwrap();
    soon(|| observer.readiness().producer() == Some(BrokerState::Ok));
    producer.ping(SOON).unwrap();
    drop(producer);
    assert_eq!(observer.readiness().producer(), None);
}
