//! The ways in which a worker ends.

use integration_tests::{Gate, Journal, SOON, Scene, ready, soon, stop, unique};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_stop_waits_for_fifty_messages_in_hand() {
    let scene = Scene::new(50);
    scene.fill(3);
    let journal = Journal::default();
    let gate = Gate::default();
    let (notes, wait) = (journal.clone(), gate.clone());
    let handle = scene
        .consumer()
        .concurrency(50)
        .start(move |msg: ConsumerContext| {
            wait.pass();
            notes.note(&msg);
            msg.commit()
        });
    soon(|| handle.status().in_flight == 50);
    let stopping = thread::spawn({
        let handle = handle.clone();
        move || handle.stop()
    });
    // Both are visible only while it waits.
    soon(|| !handle.status().assignment.is_empty() && journal.is_empty());
    assert!(!stopping.is_finished());
    handle.initiate_stop();
    // Queued messages are dropped before the wait for the messages in flight.
    soon(|| handle.join_timeout(Duration::from_millis(300)).is_none());
    gate.open();
    let report = stopping.join().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.unstarted, 100);
    assert_eq!(journal.len(), 50);
    assert_eq!(scene.all_committed(), [1; 50]);
}

#[test]
fn a_handler_that_hangs_does_not_hold_up_a_stop() {
    let scene = Scene::new(2);
    scene.fill(1);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene
        .consumer()
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            if msg.partition() == 1 {
                wait.pass();
            }
            msg.commit()
        });
    soon(|| scene.committed(0) == Some(1) && handle.status().in_flight == 1);
    let begun = Instant::now();
    let report = handle.stop_within(Duration::from_millis(500));
    // As documented: two more seconds.
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(report.unfinished, 1);
    assert!(!report.is_clean());
    assert!(report.left_group, "{report:?}");
    assert!(handle.status().stopped);
    assert_eq!(handle.join().unfinished, 1);
    // Its end comes too late to count.
    gate.open();
    soon(|| handle.status().in_flight == 0);
    assert_eq!(scene.committed(1), None);
}

#[test]
fn a_handler_that_hangs_makes_no_other_partitions_message_come_again() {
    let scene = Scene::new(2);
    scene.fill(1);
    let (hang, slow) = (Gate::default(), Gate::default());
    let gates = [slow.clone(), hang.clone()];
    let config = scene.config().drain_timeout(Duration::from_secs(8));
    let consumer = scene.consumer_of(config).concurrency(2);
    let handle = consumer.start(move |msg: ConsumerContext| {
        gates[msg.partition() as usize].pass();
        msg.commit()
    });
    soon(|| handle.status().in_flight == 2);
    handle.initiate_stop();
    soon(|| handle.join_timeout(Duration::from_millis(300)).is_none());
    // It finishes while the drain waits for the other one.
    slow.open();
    soon(|| scene.committed(0) == Some(1));
    assert!(!handle.status().stopped, "the drain was over before");
    let report = handle.join();
    assert_eq!(
        (report.unfinished, report.uncommitted),
        (1, 0),
        "{report:?}"
    );
    hang.open();
}

#[test]
fn a_second_stop_gives_the_same_report() {
    let scene = Scene::new(1);
    scene.fill(5);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.committed(0) == Some(5));
    let reports = [handle.stop(), handle.stop(), handle.join()];
    for report in reports {
        assert!(report.is_clean(), "{report:?}");
    }
    assert!(handle.join_timeout(Duration::ZERO).is_some());
    assert!(handle.status().assignment.is_empty());
}

#[test]
fn a_handler_may_ask_for_the_end() {
    let scene = Scene::new(1);
    scene.fill(5);
    let own = Arc::new(OnceLock::<ConsumerHandle>::new());
    let asker = Arc::clone(&own);
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() == 2 {
            asker.wait().initiate_stop();
        }
        msg.commit()
    });
    own.set(handle.clone()).unwrap();
    let report = handle.join();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.unstarted, 2);
    assert_eq!(scene.committed(0), Some(3));
}

#[test]
fn a_worker_goes_on_without_its_handle() {
    let scene = Scene::new(1);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    ready(&handle);
    drop(handle);
    scene.fill(5);
    soon(|| scene.committed(0) == Some(5));
}

#[test]
fn a_worker_can_be_stopped_at_once() {
    let scene = Scene::new(1);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    stop(&handle);
}

#[test]
fn a_worker_that_never_met_a_broker_stops_in_time() {
    let config = ConsumerConfig::new("localhost:1", unique("group")).unwrap();
    let consumer = KafkaConsumer::new(config.observer(Observer::new())).unwrap();
    let handle = consumer
        .subscribe(["topic"])
        .unwrap()
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| handle.status().connection.is_some());
    assert!(!handle.wait_ready(Duration::from_millis(10)));
    let begun = Instant::now();
    handle.stop_within(Duration::from_secs(1));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(handle.status().stopped);
}

#[test]
fn a_wait_may_be_as_long_as_a_clock_can_tell() {
    let scene = Scene::new(1);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    assert!(handle.wait_ready(Duration::MAX));
    let report = handle.stop_within(Duration::MAX);
    assert!(report.is_clean(), "{report:?}");
    assert!(handle.join_timeout(SOON).is_some());
}
