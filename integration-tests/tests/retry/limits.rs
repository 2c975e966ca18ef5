//! A retry topic with a low size limit.

use crate::support::Scene;
use integration_tests::{close, now_ms, soon, stop};
use rws_kafka_consumer::HandlerError;
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::{Arc, Mutex};

#[test]
fn a_message_close_to_the_size_limit_is_delayed_and_known_again() {
    let scene = Scene::new(1);
    let retry = scene.retry(300);
    // With the broker's default limit, which topics that the worker creates do not have.
    scene.kafka.create_topic(&retry, 1);
    let config = ProducerConfig::new(scene.kafka.bootstrap()).unwrap();
    let config = config.property("message.max.bytes", "2000000");
    let producer = KafkaProducer::new(config.observer(Observer::new())).unwrap();
    let payload = vec![b'x'; 1_048_400];
    producer.send_sync(&scene.topic, "first").unwrap();
    let record = Record::to(&scene.topic).payload(&payload).timestamp_ms(17);
    producer.send_record(record).unwrap();
    close(&producer);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let handle = scene.consumer(&[300]).start(move |msg| {
        if msg.payload() == Some(b"first") {
            return msg.commit();
        }
        let origin = (msg.original_topic().to_owned(), msg.original_offset());
        let now = now_ms();
        notes
            .lock()
            .unwrap()
            .push((origin, msg.attempt(), msg.timestamp_ms(), now));
        match msg.attempt() {
            1 => Err(HandlerError::new("busy, and long about it; ".repeat(100))),
            _ => msg.commit(),
        }
    });
    soon(|| scene.records(&retry) == 1 && scene.is_committed(&retry));
    soon(|| scene.is_committed(&scene.topic));
    stop(&handle);
    let [first, second] = &seen.lock().unwrap()[..] else {
        panic!("{:?}", seen.lock().unwrap());
    };
    let origin = (scene.topic.clone(), 1);
    assert_eq!((&first.0, first.1, first.2), (&origin, 1, Some(17)));
    assert_eq!((&second.0, second.1, second.2), (&origin, 2, Some(17)));
    let [found] = &scene.kafka.read(&retry)[..] else {
        panic!("one record in {retry}");
    };
    assert_eq!(found.payload.as_ref().map(Vec::len), Some(payload.len()));
    let header = found.header_texts("rws-retry-origin");
    let [value] = &header[..] else {
        panic!("{header:?}");
    };
    assert_eq!(found.headers.len(), 1);
    let due: i64 = value.split('/').nth(3).unwrap().parse().unwrap();
    assert!(
        second.3 >= due && due >= first.3 + 300,
        "{value} {second:?}"
    );
}
