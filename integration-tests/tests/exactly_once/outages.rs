use crate::support::Scene;
use integration_tests::jobs::copier::copy;
use integration_tests::{Gate, Kafka, soon, stop};
use rws_kafka_consumer::{ConsumerHandle, KafkaConsumer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MESSAGES: usize = 2000;
const TIMEOUT: Duration = Duration::from_secs(2);

/// Returns a worker that takes its time, and how many messages its handler was given.
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

/// Returns a broker that soon ends a transaction that is too old.
fn quick_to_abort() -> Kafka {
    Kafka::start_with(&[(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "200",
    )])
}

/// Waits until everything is committed, stops the worker, and asserts that each result is there
/// once.
#[track_caller]
fn all_once(scene: &Scene<'_>, handle: &ConsumerHandle) {
    scene.wait_until_committed(MESSAGES, handle);
    stop(handle);
    soon(|| scene.read(&scene.sink).concat().len() == 2 * MESSAGES);
    scene.assert_each_once(MESSAGES);
}

/// Pauses the broker until the open transaction has timed out.
fn outlast_transaction(kafka: &Kafka) {
    kafka.pause();
    let end = Instant::now() + 2 * TIMEOUT;
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(100));
    }
    kafka.unpause();
}

fn committed(scene: &Scene<'_>) -> i64 {
    scene.all_committed().iter().sum()
}

#[test]
fn a_transaction_that_the_broker_ended_is_read_again_and_written_once() {
    let kafka = quick_to_abort();
    let scene = Scene::on(&kafka, 2);
    scene.fill(MESSAGES);
    let (handle, given) = slow(&scene);
    soon(|| committed(&scene) > 500);
    outlast_transaction(&kafka);
    all_once(&scene, &handle);
    let given = given.load(Ordering::Relaxed);
    assert!(given > 2 * MESSAGES, "{given}: nothing was handled again");
}

/// Both partitions are in the transaction, and a handler has a message of one of them.
#[test]
fn a_handler_that_hangs_as_its_transaction_is_lost_holds_up_its_partition_alone() {
    let kafka = quick_to_abort();
    let scene = Scene::on(&kafka, 2);
    scene.fill(MESSAGES);
    let (copy, gate) = (copy(&scene.sink), Gate::default());
    let hangs = Arc::new(AtomicBool::new(false));
    let given = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (wait, is_to_hang, count) = (gate.clone(), Arc::clone(&hangs), Arc::clone(&given));
    let config = scene.config();
    let config = config.commit_interval(Duration::from_millis(500));
    let consumer = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .expect("a valid consumer");
    let producer = scene.producer_config().transaction_timeout(TIMEOUT);
    let handle = consumer
        .concurrency(2)
        .exactly_once(&scene.id)
        .producer(producer)
        .start(move |msg, out| {
            thread::sleep(Duration::from_millis(1));
            count[msg.partition() as usize].fetch_add(1, Ordering::Relaxed);
            if msg.partition() == 1 && is_to_hang.load(Ordering::Relaxed) {
                wait.pass();
            }
            copy(msg, out)
        });
    soon(|| committed(&scene) > 0);
    let given_now = || [&given[0], &given[1]].map(|count| count.load(Ordering::Relaxed));
    let before = given_now();
    // Both have results in the next transaction.
    soon(|| (0..2).all(|partition| given_now()[partition] > before[partition] + 20));
    hangs.store(true, Ordering::Relaxed);
    outlast_transaction(&kafka);
    soon(|| scene.all_committed()[0] == MESSAGES as i64);
    assert!(scene.all_committed()[1] < MESSAGES as i64);
    gate.open();
    all_once(&scene, &handle);
}

/// Longer than a transaction may be open.
#[test]
fn what_is_finished_while_a_stop_waits_is_committed_before_its_transaction_is_too_old() {
    let kafka = quick_to_abort();
    let scene = Scene::on(&kafka, 2);
    scene.fill(1);
    let (hang, slow) = (Gate::default(), Gate::default());
    let gates = [slow.clone(), hang.clone()];
    let copy = copy(&scene.sink);
    let consumer = scene.consumer().concurrency(2).exactly_once(&scene.id);
    let producer = scene.producer_config().transaction_timeout(TIMEOUT);
    let handle = consumer.producer(producer).start(move |msg, out| {
        gates[msg.partition() as usize].pass();
        copy(msg, out)
    });
    soon(|| handle.status().in_flight == 2);
    let stopping = thread::spawn({
        let handle = handle.clone();
        move || handle.stop_within(3 * TIMEOUT)
    });
    soon(|| handle.join_timeout(Duration::from_millis(300)).is_none());
    slow.open();
    let report = stopping.join().expect("an end");
    assert_eq!(
        (report.unfinished, report.uncommitted),
        (1, 0),
        "{report:?}"
    );
    assert_eq!(scene.all_committed(), [1, 0]);
    assert_eq!(scene.read(&scene.sink), [vec!["0".to_owned()], vec![]]);
    hang.open();
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
    all_once(&scene, &handle);
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
    // What the last transaction lost is handled here.
    let (handle, _) = slow(&scene);
    all_once(&scene, &handle);
}
