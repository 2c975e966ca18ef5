//! Handlers that take longer than `max.poll.interval.ms`.

use integration_tests::{Gate, Journal, Scene, ready, soon, stop};
use rws_kafka_consumer::{ConsumerContext, GroupProtocol};
use rws_kafka_observe::ConsumerState;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The minimum that librdkafka accepts with a session of 6 s.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(6);

#[test]
fn a_handler_slower_than_max_poll_interval_keeps_its_group() {
    let scene = Scene::new(2);
    scene.fill(2);
    let config = scene
        .config()
        .property("max.poll.interval.ms", "6000")
        .drain_timeout(Duration::from_secs(3));
    let journal = Journal::default();
    let notes = journal.clone();
    let rebalances = Arc::new(AtomicUsize::new(0));
    let (taken, lost) = (Arc::clone(&rebalances), Arc::clone(&rebalances));
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene
        .consumer_of(config)
        .on_revoke(move |_| {
            taken.fetch_add(1, Ordering::Relaxed);
        })
        .on_lost(move |_| {
            lost.fetch_add(1, Ordering::Relaxed);
        })
        .start(move |msg: ConsumerContext| {
            if msg.partition() == 0 && msg.offset() == 0 {
                wait.pass();
            }
            notes.note(&msg);
            msg.commit()
        });
    ready(&handle);
    let begun = Instant::now();
    soon(|| begun.elapsed() > MAX_POLL_INTERVAL + Duration::from_secs(4));
    let status = handle.status();
    assert!(
        !status.rebalancing && status.last_error.is_none(),
        "{status:?}"
    );
    assert_eq!(status.assignment.len(), 2);
    gate.open();
    soon(|| scene.all_committed() == [2; 2]);
    assert_eq!(rebalances.load(Ordering::Relaxed), 0);
    stop(&handle);
    journal.assert_each_once(&[2; 2]);
}

#[test]
fn a_stuck_handler_is_told_by_status_and_readiness_and_holds_up_no_other() {
    let scene = Scene::new(2);
    scene.fill(100);
    let gate = Gate::default();
    let wait = gate.clone();
    let config = scene.config_of(|config| config.readyz_lag_timeout(Duration::from_secs(5)));
    let handle = scene
        .consumer_of(config)
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            if msg.partition() == 1 && msg.offset() == 7 {
                wait.pass();
            }
            msg.commit()
        });
    soon(|| scene.all_committed() == [100, 7]);
    soon(|| scene.observer.readiness().consumer() == Some(ConsumerState::Stalled));
    let stuck = handle
        .status()
        .oldest_in_flight
        .expect("a message in flight");
    assert_eq!((stuck.partition.partition(), stuck.offset), (1, 7));
    assert!(stuck.since > Duration::from_secs(4), "{stuck:?}");
    gate.open();
    soon(|| scene.all_committed() == [100, 100]);
    soon(|| scene.observer.readiness().is_ready());
    stop(&handle);
}

/// The broker drives that protocol, so its members must also answer while handlers run.
#[test]
fn a_slow_handler_keeps_its_group_under_kip_848() {
    let scene = Scene::new(2);
    scene.fill(1);
    let config = scene
        .bare_config()
        .group_protocol(GroupProtocol::Consumer)
        .property("max.poll.interval.ms", "6000")
        .drain_timeout(Duration::from_secs(3));
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            wait.pass();
            msg.commit()
        });
    soon(|| handle.status().in_flight == 1);
    let begun = Instant::now();
    soon(|| begun.elapsed() > MAX_POLL_INTERVAL + Duration::from_secs(4));
    let status = handle.status();
    assert_eq!(status.assignment.len(), 2, "{status:?}");
    gate.open();
    soon(|| scene.all_committed() == [1; 2]);
    stop(&handle);
}
