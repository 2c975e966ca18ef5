use crate::support::{HOUR, Journal, Scene, as_told};
use integration_tests::{soon, stop};

/// Delayed messages take neither the room nor the lanes of others, however many there are.
#[test]
fn what_waits_leaves_room_for_others() {
    const WAITING: usize = 3000;
    let scene = Scene::new(2);
    let journal = Journal::default();
    let hour = HOUR.as_millis() as u64;
    scene.send((0..WAITING).map(|it| format!("1-{it}")));
    let config = scene.config().max_in_flight(100);
    let handle = scene
        .consumer_of(config)
        .retry_topics([HOUR])
        .dead_letter_queue("{topic}.dlq")
        .start(as_told(&journal));
    let retry = scene.retry(hour);
    soon(|| scene.records(&retry) == WAITING as i64 && scene.is_committed(&scene.topic));
    // They are full, and not all that waits has been fetched.
    let of_retries = || {
        let mut assignment = handle.status().assignment;
        assignment.retain(|it| it.partition.topic() == retry);
        assignment
    };
    soon(|| of_retries().len() == 2 && of_retries().iter().all(|it| it.paused));
    let held: usize = of_retries().iter().map(|it| it.fetched).sum();
    assert!((2..=100).contains(&held), "{held} are held");
    scene.send((0..WAITING).map(|it| format!("0-{it}")));
    soon(|| journal.len() == 2 * WAITING && scene.is_committed(&scene.topic));
    stop(&handle);
    assert_eq!(scene.records(&retry), WAITING as i64);
}
