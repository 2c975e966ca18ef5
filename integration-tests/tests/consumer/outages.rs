//! Brokers that are unavailable.

use integration_tests::{Gate, Journal, Kafka, Scene, close, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_producer::Record;
use std::thread;
use std::time::{Duration, Instant};

const OUTAGE: Duration = Duration::from_secs(20);

#[test]
fn a_worker_waits_for_its_broker_and_goes_on_after_a_restart() {
    let kafka = Kafka::start_for_kill();
    let scene = Scene::on(&kafka, 3);
    scene.fill(1000);
    kafka.stop();
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    soon(|| handle.status().connection.is_some());
    assert!(!scene.observer.readiness().is_ready());
    assert!(!handle.status().stopped);
    kafka.restart();
    journal.wait_for(3000, &handle);
    soon(|| scene.observer.readiness().is_ready());
    // Earlier errors may still arrive.
    soon(|| handle.status().connection.is_none());

    // Once more, in the middle of the work.
    scene.fill(1000);
    journal.wait_for(3001, &handle);
    kafka.kill();
    wait(OUTAGE);
    assert!(!scene.observer.readiness().is_ready());
    kafka.restart();
    scene.fill(1000);
    journal.wait_for(9000, &handle);
    soon(|| scene.all_committed() == [3000; 3]);
    soon(|| scene.observer.readiness().is_ready());
    stop(&handle);
    journal.assert_none_lost(&[3000; 3]);
}

#[test]
fn a_worker_goes_on_after_its_broker_was_frozen() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, 3);
    scene.fill(5000);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            thread::sleep(Duration::from_micros(200));
            msg.commit()
        });
    soon(|| journal.distinct() > 1000 && scene.observer.readiness().is_ready());
    kafka.pause();
    let begun = Instant::now();
    soon(|| !scene.observer.readiness().is_ready());
    assert_eq!(scene.observer.readiness().consumer_lag(), None);
    wait(OUTAGE.saturating_sub(begun.elapsed()));
    kafka.unpause();
    let producer = scene.producer();
    for partition in 0..3 {
        let record = Record::to(&scene.topic).partition(partition).payload("x");
        producer.send_record(record).unwrap();
    }
    close(&producer);
    journal.wait_for(15_003, &handle);
    soon(|| scene.all_committed() == [5001; 3]);
    soon(|| scene.observer.readiness().is_ready());
    stop(&handle);
    journal.assert_none_lost(&[5001; 3]);
}

#[test]
fn a_stop_while_the_broker_is_frozen_ends_in_time_and_tells() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, 1);
    scene.fill(10);
    let journal = Journal::default();
    let notes = journal.clone();
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() == 5 {
            wait.pass();
        }
        notes.note(&msg);
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(5));
    kafka.pause();
    gate.open();
    soon(|| journal.len() == 10);
    let begun = Instant::now();
    let report = handle.stop_within(Duration::from_secs(2));
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert_eq!(report.uncommitted, 1);
    assert_eq!(report.unfinished, 0);
    assert!(!report.is_clean());
    kafka.unpause();
}

/// The duration of an outage.
fn wait(time: Duration) {
    thread::sleep(time);
}
