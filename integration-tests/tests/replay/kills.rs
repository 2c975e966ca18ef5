use crate::support::{Scene, complete};
use integration_tests::jobs::Job;
use integration_tests::{Child, soon};
use std::collections::BTreeMap;

const LETTERS: usize = 1_200;
const BATCH: usize = 50;
const KILLS: usize = 3;

/// Starts a replay in its own process.
fn start(scene: &Scene<'_>) -> Child {
    let job = Job::Replay {
        brokers: scene.kafka.bootstrap(),
        queue: scene.queue.clone(),
        group: scene.group.clone(),
        batch: BATCH,
    };
    job.program(env!("CARGO_BIN_EXE_child")).start()
}

/// Returns how many messages the topic has.
fn written(scene: &Scene<'_>) -> usize {
    scene.records(&scene.topic) as usize
}

#[test]
fn a_killed_replay_loses_nothing_and_writes_no_more_than_its_last_batch_twice() {
    let scene = Scene::new(3);
    scene.fill(LETTERS);
    for _ in 0..KILLS {
        let before = written(&scene);
        let process = start(&scene);
        // Within its second batch, or later: not a multiple of a batch, so that some is
        // uncommitted.
        soon(|| written(&scene) >= before + BATCH + BATCH / 2);
        drop(process);
    }
    assert!(written(&scene) < LETTERS, "it was killed while at work");
    let report = complete(&scene.replay().batch_size(BATCH));
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for found in scene.written() {
        *counts
            .entry(found.payload_text().parse().unwrap())
            .or_default() += 1;
    }
    let all: Vec<usize> = counts.keys().copied().collect();
    assert_eq!(all, (0..LETTERS).collect::<Vec<_>>());
    let twice: usize = counts.values().map(|count| count - 1).sum();
    assert!((1..=KILLS * BATCH).contains(&twice), "{twice}");
    // Of each kill, unless the runs after it have been past it in all partitions; runs after this
    // one have nothing to tell.
    let told = BATCH..=KILLS * BATCH;
    assert!(
        told.contains(&(report.possibly_twice as usize)),
        "{report:?}"
    );
    assert_eq!(complete(&scene.replay()).possibly_twice, 0);
}
