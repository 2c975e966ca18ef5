//! Workers that are killed in the middle of a batch.

use crate::support::{Journal, Scene};
use integration_tests::jobs::Job;
use integration_tests::{Child, soon, stop};
use std::collections::BTreeSet;

const MESSAGES: usize = 4000;
const BATCH: i64 = 1000;
const PARTITIONS: i32 = 2;

#[test]
fn what_was_committed_within_a_batch_does_not_come_again_after_a_kill() {
    let scene = Scene::new(PARTITIONS);
    scene.fill(MESSAGES);
    let mut handled: BTreeSet<(i32, i64)> = BTreeSet::new();
    let mut reached = vec![0; PARTITIONS as usize];
    for _ in 0..2 {
        let mut worker = spawn(&scene);
        // Killed in the middle of a batch of each partition.
        soon(|| {
            let committed = scene.all_committed();
            let mut both = committed.iter().zip(&reached);
            both.all(|(now, before)| now > before && now % BATCH != 0)
        });
        for (partition, offset) in kill(&mut worker) {
            let before = reached[partition as usize];
            assert!(offset >= before, "{partition}: {offset} after {before}");
            handled.insert((partition, offset));
        }
        reached = scene.all_committed();
        for (partition, end) in (0..).zip(&reached) {
            for offset in 0..*end {
                let is_handled = handled.contains(&(partition, offset));
                assert!(is_handled, "{partition}: {offset} of {end}");
            }
        }
    }
    let journal = Journal::default();
    let notes = journal.clone();
    let consumer = scene.consumer_of(scene.config());
    let handle = consumer.start_batch(move |batch| {
        notes.note(batch);
        batch.commit()
    });
    soon(|| scene.all_committed() == [MESSAGES as i64; PARTITIONS as usize]);
    stop(&handle);
    for (partition, begin) in (0..).zip(reached) {
        let rest: Vec<i64> = (begin..MESSAGES as i64).collect();
        assert_eq!(journal.offsets(partition), rest, "{partition}");
    }
}

fn spawn(scene: &Scene<'_>) -> Child {
    let job = Job::CommitWithinBatches {
        place: scene.place(),
        batch: BATCH as usize,
        lanes: PARTITIONS as usize,
    };
    job.program(env!("CARGO_BIN_EXE_child")).start()
}

/// Returns the messages that it had handled by then.
fn kill(worker: &mut Child) -> Vec<(i32, i64)> {
    worker.kill();
    let place = |line: &String| {
        let place = line.strip_prefix("handled ")?;
        let (partition, offset) = place.split_once(' ')?;
        // The last line may be incomplete, and then contain another number.
        Some((partition.parse().ok()?, offset.parse().ok()?))
    };
    let mut places: Vec<(i32, i64)> = worker.last_lines().iter().filter_map(place).collect();
    if places.len() > 1 {
        places.pop();
    }
    places
}
