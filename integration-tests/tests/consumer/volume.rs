//! A hundred thousand messages.

use integration_tests::{Journal, Scene, close, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_producer::Record;

const MESSAGES: usize = 100_000;

#[test]
fn a_hundred_thousand_messages_are_handled_once_and_in_order_by_one_thread() {
    run(1);
}

#[test]
fn a_hundred_thousand_messages_are_handled_once_and_in_order_by_three_threads() {
    run(3);
}

fn run(concurrency: usize) {
    let scene = Scene::new(3);
    let producer = scene.producer();
    for number in 0..MESSAGES {
        let key = format!("key-{}", number % 1000);
        let payload = number.to_string();
        let record = Record::to(&scene.topic).key(&key).payload(&payload);
        producer.send_record(record).unwrap();
    }
    close(&producer);
    let ends: Vec<i64> = (0..3)
        .map(|partition| scene.kafka.end_offset(&scene.topic, partition))
        .collect();
    assert_eq!(ends.iter().sum::<i64>(), MESSAGES as i64);

    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .concurrency(concurrency)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    soon(|| journal.len() >= MESSAGES);
    stop(&handle);
    journal.assert_each_once(&ends);
    assert_eq!(scene.all_committed(), ends);
}
