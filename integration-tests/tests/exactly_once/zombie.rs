use crate::process::{broker, copier, start_worker};
use crate::support::Scene;
use integration_tests::jobs::copier::SESSION;
use integration_tests::{soon, stop};
use std::time::Duration;

const MESSAGES: usize = 600;

/// A worker is stopped by SIGSTOP, its partitions go to another one, and it wakes up with messages
/// in flight and outputs to commit.
#[test]
fn a_worker_that_was_paused_past_its_session_writes_nothing_that_is_read() {
    let kafka = broker();
    let scene = Scene::on(&kafka, 6);
    let folder = tempfile::tempdir().expect("a folder for the log");
    let log = folder.path().join("zombie.log");
    scene.fill(MESSAGES);
    let mut zombie = start_worker(copier(&scene, 0, Duration::from_millis(2)), &log);
    let committed = || scene.all_committed().iter().sum::<i64>();
    for round in 0..3 {
        let before = committed();
        soon(|| committed() > before + 200);
        zombie.signal("STOP");
        let heir = copier(&scene, 1, Duration::from_micros(100)).start();
        // Its successor gets its partitions only after its session has expired.
        soon(|| heir.status().assignment.len() == 6);
        scene.wait_until_committed(MESSAGES * (round + 1), &heir);
        zombie.signal("CONT");
        // It notices that it has lost everything, and joins again as an ordinary member.
        soon(|| heir.status().assignment.len() < 6);
        stop(&heir);
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(!zombie.has_ended(), "{text}");
        assert!(text.matches(" lost").count() > round, "{SESSION:?}: {text}");
        scene.fill_from(MESSAGES * (round + 1), MESSAGES);
    }
    let done = MESSAGES * 4;
    soon(|| scene.all_committed() == [done as i64; 6]);
    soon(|| scene.read(&scene.sink).concat().len() >= 6 * done);
    scene.assert_each_once(done);
    // It had written outputs that it could not commit.
    let written = scene.read_all(&scene.sink).concat().len();
    assert!(written > 6 * done, "it was never paused in a transaction");
}
