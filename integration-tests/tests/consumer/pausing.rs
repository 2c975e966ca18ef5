//! Pause, resume, and the status meanwhile.

use integration_tests::{Gate, Journal, Scene, ready, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_observe::ConsumerState;
use std::time::{Duration, SystemTime};

#[test]
fn a_paused_worker_leaves_messages_alone_and_keeps_its_partitions() {
    let scene = Scene::new(2);
    let journal = Journal::default();
    let notes = journal.clone();
    let config = scene.config_of(|config| config.readyz_lag_timeout(Duration::from_millis(500)));
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    ready(&handle);
    handle.pause();
    scene.fill(50);
    // Wait until lag is measured: the message could have been handled in that time.
    soon(|| handle.status().lag() == Some(100));
    soon(|| handle.status().fetched() == 100);
    let status = handle.status();
    assert!(status.paused && !status.rebalancing);
    assert_eq!((journal.len(), status.in_flight), (0, 0));
    // Longer than the lag timeout by two seconds, the interval of lag measurements: no stall.
    soon(|| scene.observer.readiness().consumer_lag() == Some(100));
    assert_eq!(
        scene.observer.readiness().consumer(),
        Some(ConsumerState::Ok)
    );
    assert!(scene.observer.readiness().is_ready());
    handle.resume();
    soon(|| scene.all_committed() == [50; 2]);
    assert!(!handle.status().paused);
    stop(&handle);
    journal.assert_each_once(&[50; 2]);
}

#[test]
fn a_pause_lets_the_message_in_hand_end_and_a_stop_ends_a_pause() {
    let scene = Scene::new(1);
    scene.fill(10);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    soon(|| handle.status().in_flight == 1);
    handle.pause();
    gate.open();
    soon(|| scene.committed(0) == Some(1));
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.unstarted, 9);
    assert_eq!(scene.committed(0), Some(1));
}

#[test]
fn a_status_tells_assignment_lag_commits_and_the_message_that_is_stuck() {
    let scene = Scene::new(2);
    scene.fill(10);
    let gate = Gate::default();
    let wait = gate.clone();
    let before = SystemTime::now();
    let handle = scene
        .consumer()
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            if msg.partition() == 1 && msg.offset() == 4 {
                wait.pass();
            }
            msg.commit()
        });
    soon(|| scene.all_committed() == [10, 4]);
    soon(|| handle.status().lag() == Some(6));
    let stuck_for = Duration::from_millis(500);
    soon(|| {
        let oldest = handle.status().oldest_in_flight;
        oldest.is_some_and(|oldest| oldest.since > stuck_for)
    });
    let status = handle.status();
    let stuck = status.oldest_in_flight.as_ref().unwrap();
    assert_eq!((stuck.partition.partition(), stuck.offset), (1, 4));
    assert_eq!((status.in_flight, status.fetched()), (1, 6));
    assert!((1..=20).contains(&status.commits), "{status:?}");
    let [first, second] = &status.assignment[..] else {
        panic!("{status:?}");
    };
    assert_eq!((first.committed, second.committed), (Some(10), Some(4)));
    assert_eq!((first.lag, second.lag), (Some(0), Some(6)));
    for partition in [first, second] {
        let last_commit = partition.last_commit.unwrap();
        assert!(last_commit >= before && last_commit <= SystemTime::now());
    }
    gate.open();
    soon(|| scene.all_committed() == [10, 10]);
    soon(|| handle.status().oldest_in_flight.is_none());
    stop(&handle);
}
