//! Handlers that are slower than the topic.

use integration_tests::{Gate, Journal, Scene, close, soon, stop};
use rws_kafka_consumer::{ConsumerContext, ConsumerHandle};
use rws_kafka_producer::{Compression, KafkaProducer, ProducerConfig, Record};
use std::thread;
use std::time::Duration;

/// The number of messages that one partition may exceed its share by.
const BATCH: usize = 256;

fn fetched(handle: &ConsumerHandle) -> Vec<usize> {
    let status = handle.status();
    let partitions = status.assignment.iter();
    partitions.map(|partition| partition.fetched).collect()
}

#[test]
fn what_is_in_flight_stays_within_its_bound() {
    let scene = Scene::new(2);
    scene.fill(5000);
    let (journal, gate) = (Journal::default(), Gate::default());
    let (notes, wait) = (journal.clone(), gate.clone());
    let config = scene.config().max_in_flight(600);
    let handle = scene
        .consumer_of(config)
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            wait.pass();
            notes.note(&msg);
            if msg.offset() % 16 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            msg.commit()
        });
    soon(|| fetched(&handle).iter().filter(|held| **held >= 300).count() == 2);
    // All the time that the rest needs, and while nothing is handled.
    for round in 0.. {
        let held = fetched(&handle);
        assert!(held.iter().all(|held| *held < 300 + BATCH), "{held:?}");
        if round == 50 {
            assert_eq!(journal.len(), 0);
            gate.open();
        }
        if journal.len() >= 10_000 {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    stop(&handle);
    journal.assert_each_once(&[5000; 2]);
    assert_eq!(scene.all_committed(), [5000; 2]);
}

/// Small on the wire and on the broker's disk.
fn fill_with_large(scene: &Scene<'_>, count: usize, bytes: usize) {
    let config = ProducerConfig::new(scene.kafka.bootstrap())
        .unwrap()
        .compression(Compression::Lz4);
    let producer = KafkaProducer::new(config.observer(scene.observer.clone())).unwrap();
    let payload = vec![b'x'; bytes];
    for _ in 0..count {
        let record = Record::to(&scene.topic).partition(0).payload(&payload);
        producer.send_record(record).unwrap();
    }
    close(&producer);
}

#[test]
fn what_is_in_flight_stays_within_its_bytes() {
    let scene = Scene::new(1);
    fill_with_large(&scene, 60, 900_000);
    let (journal, gate) = (Journal::default(), Gate::default());
    let (notes, wait) = (journal.clone(), gate.clone());
    let config = scene.config().max_in_flight_bytes(4_000_000);
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            wait.pass();
            assert_eq!(msg.payload().map(<[u8]>::len), Some(900_000));
            notes.note(&msg);
            msg.commit()
        });
    soon(|| fetched(&handle).first() >= Some(&5));
    for _ in 0..50 {
        assert_eq!(fetched(&handle), [5]);
        thread::sleep(Duration::from_millis(5));
    }
    gate.open();
    soon(|| journal.len() >= 60);
    stop(&handle);
    journal.assert_each_once(&[60]);
}

#[test]
fn commits_do_not_wait_for_a_backlog() {
    let scene = Scene::new(1);
    fill_with_large(&scene, 6000, 10_000);
    let journal = Journal::default();
    let notes = journal.clone();
    // Full and half empty again in less time than a pause takes: there is always a next message.
    let config = scene.config().max_in_flight_bytes(512 * 1024);
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            thread::sleep(Duration::from_micros(400));
            notes.note(&msg);
            msg.commit()
        });
    soon(|| journal.len() == 6000);
    // All of it takes two seconds at least, 20 commit intervals; a worker that commits when there
    // is no next message would commit once.
    let commits = handle.status().commits;
    assert!(commits >= 5, "only {commits} commits");
    stop(&handle);
}

#[test]
fn a_message_larger_than_the_bound_is_handled_all_the_same() {
    let scene = Scene::new(1);
    fill_with_large(&scene, 3, 900_000);
    let config = scene.config().max_in_flight(1).max_in_flight_bytes(1);
    let handle = scene
        .consumer_of(config)
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.committed(0) == Some(3));
    stop(&handle);
}
