//! Commits while or after a partition is revoked, or after its worker has ended. Checks the whole
//! history of what the broker accepted, not only its end.

use integration_tests::{Gate, Journal, Scene, soon, stop};
use rws_kafka_consumer::{Backoff, ConsumerContext, ConsumerError, HandlerError, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Asserts that no partition's committed offset went back, and that each has the expected end.
#[track_caller]
pub(crate) fn assert_history(scene: &Scene<'_>, ends: &[i64]) {
    let mut last = vec![0; ends.len()];
    for commit in scene.kafka.commits_of(&scene.group) {
        let before = &mut last[commit.partition as usize];
        assert!(commit.offset >= *before, "back from {before}: {commit:?}");
        *before = commit.offset;
    }
    assert_eq!(last, ends);
}

fn is_lost(error: &HandlerError) -> bool {
    let cause = error.downcast_ref::<ConsumerError>();
    matches!(cause, Some(ConsumerError::PartitionLost { .. }))
}

#[test]
fn a_commit_after_the_deadline_of_a_stop_is_refused_and_changes_nothing() {
    let scene = Scene::new(1);
    scene.fill(10);
    let gate = Gate::default();
    let wait = gate.clone();
    let late: Arc<Mutex<Vec<HandlerError>>> = Arc::default();
    let refused = Arc::clone(&late);
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() == 3 {
            wait.pass();
            let errors = [msg.commit().unwrap_err(), msg.commit_sync().unwrap_err()];
            refused.lock().unwrap().extend(errors);
        }
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(3) && handle.status().in_flight == 1);
    let report = handle.stop_within(Duration::from_millis(300));
    assert_eq!(report.unfinished, 1, "{report:?}");
    // Its successor begins where it was, while the first one's handler still hangs.
    let journal = Journal::default();
    let notes = journal.clone();
    let successor = scene.consumer().start(move |msg: ConsumerContext| {
        notes.note(&msg);
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(10));
    gate.open();
    soon(|| late.lock().unwrap().len() == 2);
    assert!(late.lock().unwrap().iter().all(is_lost));
    stop(&successor);
    assert_eq!(journal.of(0), [3, 4, 5, 6, 7, 8, 9]);
    assert_history(&scene, &[10]);
}

/// Two members take partitions from each other all the time, while messages finish out of order.
#[test]
fn commits_in_the_middle_of_rebalances_never_go_back_and_never_pass_an_unhandled_message() {
    const COUNT: i64 = 3000;
    let scene = Scene::new(3);
    scene.fill(COUNT as usize);
    let journal = Journal::default();
    let start = || {
        let notes = journal.clone();
        let config = scene.config().commit_interval(Duration::from_millis(10));
        scene
            .consumer_of(config)
            .concurrency(4)
            .ordering(Ordering::None)
            .retry_backoff(Backoff::fixed(Duration::from_millis(2)))
            .start(move |msg: ConsumerContext| {
                let random = (msg.offset() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                thread::sleep(Duration::from_micros(random % 2000));
                if random.is_multiple_of(13) && msg.attempt() == 1 {
                    return Err(HandlerError::new("not yet"));
                }
                notes.note(&msg);
                msg.commit()
            })
    };
    let stays = start();
    let begun = Instant::now();
    while scene.all_committed() != [COUNT; 3] {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{:#?}",
            stays.status()
        );
        let comes = start();
        comes.wait_ready(Duration::from_secs(20));
        // Read the offsets first: every committed message must have been handled.
        let committed = scene.all_committed();
        for (partition, committed) in (0..).zip(committed) {
            let mut handled = journal.of(partition);
            handled.sort_unstable();
            handled.dedup();
            let prefix = (0..)
                .zip(&handled)
                .take_while(|(n, offset)| n == *offset)
                .count();
            assert!(
                committed <= prefix as i64,
                "{committed} of {partition}, handled {prefix}"
            );
        }
        stop(&comes);
    }
    stop(&stays);
    assert_eq!(journal.distinct() as i64, 3 * COUNT);
    assert_history(&scene, &[COUNT; 3]);
}

/// Late commits of messages handed out before a revoke, beside those of the new owner.
#[test]
fn a_member_that_was_too_slow_for_a_revoke_takes_no_commit_back() {
    let scene = Scene::new(2);
    scene.fill(50);
    let gate = Gate::default();
    let kept: Arc<Mutex<Vec<ConsumerContext>>> = Arc::default();
    let (wait, keep) = (gate.clone(), Arc::clone(&kept));
    let config = scene.config().drain_timeout(Duration::from_millis(200));
    let slow = scene
        .consumer_of(config)
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            if msg.offset() == 5 {
                wait.pass();
            }
            let result = msg.commit();
            keep.lock().unwrap().push(msg);
            result
        });
    soon(|| slow.status().in_flight == 2 && scene.all_committed() == [5; 2]);
    let quick = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    soon(|| quick.status().assignment.len() == 1 && slow.status().assignment.len() == 1);
    let taken = quick.status().assignment[0].partition.partition();
    soon(|| scene.committed(taken) == Some(50));
    gate.open();
    soon(|| scene.all_committed() == [50; 2]);
    let late = kept.lock().unwrap();
    let late = late.iter().filter(|msg| msg.partition() == taken);
    assert!(
        late.map(|msg| msg.commit())
            .all(|result| is_lost(&result.unwrap_err()))
    );
    stop(&slow);
    stop(&quick);
    assert_history(&scene, &[50; 2]);
}
