//! Members that join and leave.

use integration_tests::{Gate, Journal, SOON, Scene, close, ready, soon, stop};
use rws_kafka_consumer::{ConsumerContext, ConsumerError, ConsumerHandle};
use rws_kafka_producer::Record;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn nothing_is_lost_or_handled_twice_while_members_come_and_go() {
    come_and_go("range,roundrobin");
}

#[test]
fn the_same_holds_for_the_cooperative_protocol() {
    come_and_go("cooperative-sticky");
}

/// A member stays, another one joins and leaves twice, and all the time there is work.
fn come_and_go(strategy: &str) {
    let scene = Scene::new(3);
    let journal = Journal::default();
    let start = |own: &Arc<AtomicUsize>| {
        let (journal, own) = (journal.clone(), Arc::clone(own));
        let config = scene
            .config()
            .property("partition.assignment.strategy", strategy);
        scene
            .consumer_of(config)
            .concurrency(2)
            .start(move |msg: ConsumerContext| {
                journal.note(&msg);
                own.fetch_add(1, Ordering::Relaxed);
                msg.commit()
            })
    };
    let done = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| send_until(&scene, &done, &sent));
        scope.spawn(|| assert_commits_never_go_back(&scene, &done));
        let end = EndOf(&done);
        let stays = start(&Arc::default());
        ready(&stays);
        // A rebalance during librdkafka's first lookup of a partition's start can make it go back
        // there later.
        soon(|| (0..3).all(|partition| !journal.of(partition).is_empty()));
        for _ in 0..2 {
            let own = Arc::default();
            let comes = start(&own);
            soon(|| own.load(Ordering::Relaxed) >= 500);
            stop(&comes);
            let before = journal.len();
            soon(|| journal.len() > before + 500);
        }
        soon(|| sent.load(Ordering::Relaxed) >= 8000);
        drop(end);
        soon(|| {
            let sent = sent.load(Ordering::Relaxed) as i64;
            scene.all_committed() == [sent; 3]
        });
        stop(&stays);
    });
    journal.assert_each_once(&[sent.into_inner() as i64; 3]);
}

/// Stops the helpers of a failed test.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends to each partition at a steady pace; `sent` counts those of one partition.
fn send_until(scene: &Scene<'_>, done: &AtomicBool, sent: &AtomicUsize) {
    let producer = scene.producer();
    let end = Instant::now() + 2 * SOON;
    while !done.load(Ordering::Relaxed) && Instant::now() < end {
        for _ in 0..20 {
            for partition in 0..scene.partitions {
                let record = Record::to(&scene.topic).partition(partition).payload("x");
                producer.send_record(record).unwrap();
            }
        }
        sent.fetch_add(20, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(5));
    }
    close(&producer);
}

fn assert_commits_never_go_back(scene: &Scene<'_>, done: &AtomicBool) {
    let mut last = scene.all_committed();
    while !done.load(Ordering::Relaxed) {
        let now = scene.all_committed();
        let went_back = now.iter().zip(&last).any(|(now, last)| now < last);
        assert!(!went_back, "from {last:?} to {now:?}");
        last = now;
    }
}

#[test]
fn a_commit_of_a_revoked_partition_is_refused() {
    let scene = Scene::new(3);
    scene.fill(1);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let first = scene.consumer().start(move |msg: ConsumerContext| {
        keep.lock().unwrap().push(msg);
        Ok(())
    });
    soon(|| kept.lock().unwrap().len() == 3);
    soon(|| first.status().assignment.iter().all(|p| p.fetched == 0));
    let held = std::mem::take(&mut *kept.lock().unwrap());

    // The eager protocol takes every partition from everyone, for a moment.
    let second = scene.consumer().start(|_: ConsumerContext| Ok(()));
    soon(|| shares(&first, &second));
    for msg in &held {
        for result in [msg.commit(), msg.commit_sync()] {
            let error = result.unwrap_err();
            let cause = error.downcast_ref::<ConsumerError>();
            let Some(ConsumerError::PartitionLost { partition }) = cause else {
                panic!("{error:?}");
            };
            assert_eq!(partition.partition(), msg.partition());
        }
    }
    stop(&first);
    stop(&second);
    assert_eq!(scene.all_committed(), [0; 3]);
}

fn shares(first: &ConsumerHandle, second: &ConsumerHandle) -> bool {
    [first, second].iter().all(|handle| {
        let status = handle.status();
        !status.rebalancing && !status.assignment.is_empty()
    })
}

#[test]
fn a_partition_that_was_paused_when_it_was_revoked_goes_on() {
    let scene = Scene::new(3);
    scene.fill(3000);
    let (journal, gate) = (Journal::default(), Gate::default());
    let start = || {
        let (journal, gate) = (journal.clone(), gate.clone());
        let config = scene
            .config()
            .max_in_flight(30)
            .drain_timeout(Duration::from_millis(300));
        scene
            .consumer_of(config)
            .concurrency(3)
            .start(move |msg: ConsumerContext| {
                gate.pass();
                journal.note(&msg);
                msg.commit()
            })
    };
    let first = start();
    // Every partition is full and paused.
    let is_full = |handle: &ConsumerHandle| {
        let status = handle.status();
        let full = status.assignment.iter().filter(|p| p.fetched >= 10);
        full.count() == status.assignment.len() && !status.assignment.is_empty()
    };
    soon(|| is_full(&first));
    let second = start();
    soon(|| shares(&first, &second) && is_full(&first) && is_full(&second));
    second.stop();
    gate.open();
    soon(|| scene.all_committed() == [3000; 3]);
    stop(&first);
    journal.assert_none_lost(&[3000; 3]);
}

#[test]
fn a_member_that_does_not_finish_in_time_is_not_waited_for() {
    let scene = Scene::new(2);
    scene.fill(10);
    let (journal, gate) = (Journal::default(), Gate::default());
    let start = |waits: bool| {
        let (journal, gate) = (journal.clone(), gate.clone());
        let config = scene.config().drain_timeout(Duration::from_millis(500));
        scene
            .consumer_of(config)
            .concurrency(2)
            .start(move |msg: ConsumerContext| {
                if waits {
                    gate.pass();
                }
                journal.note(&msg);
                msg.commit()
            })
    };
    let hangs = start(true);
    soon(|| hangs.status().in_flight == 2);
    let works = start(false);
    soon(|| shares(&hangs, &works));
    let partition = works.status().assignment[0].partition.partition();
    soon(|| scene.committed(partition) == Some(10));
    // Its late commit must not take back that of the other.
    gate.open();
    soon(|| scene.all_committed() == [10; 2]);
    stop(&hangs);
    stop(&works);
    assert_eq!(scene.all_committed(), [10; 2]);
    journal.assert_none_lost(&[10; 2]);
}
