use crate::pipeline::copy;
use crate::support::{Scene, soon, stop};
use integration_tests::Kafka;
use rws_kafka_consumer::ConsumerHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MESSAGES: usize = 2000;
const TIMEOUT: Duration = Duration::from_secs(2);

/// A worker that takes its time, and how many messages its handler was given.
fn slow(scene: &Scene<'_>) -> (ConsumerHandle, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let (copy, count) = (copy(&scene.sink), Arc::clone(&given));
    let consumer = scene.consumer().concurrency(2).exactly_once(&scene.id);
    let producer = scene.producer_config().transaction_timeout(TIMEOUT);
    let handle = consumer.producer(producer).start(move |msg, out| {
        thread::sleep(Duration::from_millis(1));
        count.fetch_add(1, Ordering::Relaxed);
        copy(msg, out)
    });
    (handle, given)
}

fn committed(scene: &Scene<'_>) -> i64 {
    scene.committed().iter().sum()
}

#[test]
fn a_transaction_that_the_broker_ended_is_read_again_and_written_once() {
    let kafka = Kafka::start_with(&[(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "200",
    )]);
    let scene = Scene::on(&kafka, 2);
    scene.fill(MESSAGES);
    let (handle, given) = slow(&scene);
    soon(|| committed(&scene) > 500);
    kafka.pause();
    // Until the transaction is older than it may be.
    let end = Instant::now() + 2 * TIMEOUT;
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
    }
    kafka.unpause();
    scene.all_committed(MESSAGES, &handle);
    stop(&handle);
    let given = given.load(Ordering::Relaxed);
    assert!(given > 2 * MESSAGES, "{given}: nothing was handled again");
    soon(|| scene.read(&scene.sink).concat().len() == 2 * MESSAGES);
    scene.assert_each_once(MESSAGES);
}

#[test]
fn a_broker_that_is_killed_loses_no_result_and_doubles_none() {
    let kafka = Kafka::start_for_kill();
    let scene = Scene::on(&kafka, 2);
    scene.fill(MESSAGES);
    let (handle, _) = slow(&scene);
    for round in 1..=2 {
        soon(|| committed(&scene) > 500 * round);
        kafka.kill();
        kafka.restart();
    }
    scene.all_committed(MESSAGES, &handle);
    stop(&handle);
    soon(|| scene.read(&scene.sink).concat().len() == 2 * MESSAGES);
    scene.assert_each_once(MESSAGES);
}

#[test]
fn a_worker_that_finds_no_broker_stops_at_its_deadline() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, 2);
    scene.fill(MESSAGES);
    let (handle, _) = slow(&scene);
    soon(|| committed(&scene) > 100);
    kafka.pause();
    let report = handle.stop_within(Duration::from_secs(3));
    assert!(!report.is_clean(), "{report:?}");
    kafka.unpause();
    // What was given up there is done here.
    let (handle, _) = slow(&scene);
    scene.all_committed(MESSAGES, &handle);
    stop(&handle);
    soon(|| scene.read(&scene.sink).concat().len() == 2 * MESSAGES);
    scene.assert_each_once(MESSAGES);
}
