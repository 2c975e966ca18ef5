//! A worker continues where the last one of its group stopped.

use integration_tests::jobs::Job;
use integration_tests::{Child, Gate, Given, Journal, SOON, Scene, ready, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use std::time::Instant;

#[test]
fn nothing_is_lost_or_handled_twice_over_a_stop() {
    let scene = Scene::new(3);
    scene.fill(2000);
    let journal = Journal::default();
    let reached = Gate::default();
    let start = || {
        let (journal, reached) = (journal.clone(), reached.clone());
        scene
            .consumer()
            .concurrency(2)
            .start(move |msg: ConsumerContext| {
                journal.note(&msg);
                if journal.len() == 1500 {
                    reached.open();
                }
                msg.commit()
            })
    };
    let first = start();
    reached.pass();
    stop(&first);
    let handled: Vec<i64> = (0..3).map(|p| journal.of(p).len() as i64).collect();
    assert_eq!(scene.all_committed(), handled);

    let second = start();
    soon(|| journal.len() >= 6000);
    stop(&second);
    journal.assert_each_once(&[2000; 3]);
    assert_eq!(scene.all_committed(), [2000; 3]);
}

#[test]
fn a_worker_with_latest_offset_reset_begins_at_the_end() {
    let scene = Scene::new(1);
    scene.fill(10);
    let journal = Journal::default();
    let notes = journal.clone();
    let config =
        scene.config_of(|config| config.auto_offset_reset(rws_kafka_config::OffsetReset::Latest));
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    ready(&handle);
    // The position is set a moment after the assignment.
    soon(|| {
        scene.fill(1);
        !journal.is_empty()
    });
    assert!(journal.of(0)[0] >= 10);
    stop(&handle);
}

#[test]
fn nothing_is_lost_when_a_process_is_killed() {
    let scene = Scene::new(3);
    scene.fill(3000);
    let journal = Journal::default();
    for _ in 0..2 {
        let mut worker = spawn(&scene);
        let goal = journal.len() + 1000;
        take(&mut worker, &journal, || journal.len() >= goal);
        // In the middle of the topic.
        worker.kill();
        // What it had printed when it died.
        for line in worker.last_lines() {
            note(&journal, &line);
        }
    }
    let mut worker = spawn(&scene);
    take(&mut worker, &journal, || journal.distinct() >= 9000);
    soon(|| scene.all_committed() == [3000; 3]);
    worker.kill();
    journal.assert_none_lost(&[3000; 3]);
}

fn spawn(scene: &Scene<'_>) -> Child {
    let job = Job::Print(scene.place());
    job.program(env!("CARGO_BIN_EXE_child")).start()
}

fn take(worker: &mut Child, journal: &Journal, until: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !until() {
        let left = end.saturating_duration_since(Instant::now());
        let line = worker
            .next_line(left)
            .expect("the worker prints another line");
        note(journal, &line);
    }
}

fn note(journal: &Journal, line: &str) {
    let Some(place) = line.strip_prefix("handled ") else {
        return;
    };
    // The last line may be incomplete.
    let mut numbers = place.split(' ').map_while(|number| number.parse().ok());
    if let (Some(partition), Some(offset)) = (numbers.next(), numbers.next()) {
        journal.note(Given {
            partition: partition as i32,
            offset,
            attempt: 1,
        });
    }
}
