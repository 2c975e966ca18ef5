//! Workers in their own processes, which tests kill or pause.

use crate::support::Scene;
use integration_tests::jobs::copier::Copier;
use integration_tests::jobs::{Job, Place};
use integration_tests::{Child, Kafka};
use std::path::Path;
use std::time::Duration;

/// Returns a broker that considers a member dead, and aborts a transaction, as soon as these tests
/// need.
pub(crate) fn broker() -> Kafka {
    Kafka::start_with(&[
        ("group.min.session.timeout.ms", "1000"),
        (
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "500",
        ),
    ])
}

/// Returns the scene's worker of this number, whose messages take this long.
pub(crate) fn copier(scene: &Scene<'_>, number: usize, work: Duration) -> Copier {
    Copier {
        place: scene.place(),
        sink: scene.sink.clone(),
        id: format!("{}-{number}", scene.id),
        work,
    }
}

/// Returns a worker process; its log is added to `log`.
pub(crate) fn start_worker(copier: Copier, log: &Path) -> Child {
    let program = Job::Copy(copier).program(env!("CARGO_BIN_EXE_child"));
    program.log(log).start()
}

#[test]
fn a_worker_reads_the_order_that_was_written() {
    let order = Job::Copy(Copier {
        place: Place {
            brokers: "localhost:1,localhost:2".to_owned(),
            group: "a group".to_owned(),
            topic: "a".to_owned(),
        },
        sink: "b".to_owned(),
        id: "id".to_owned(),
        work: Duration::from_micros(1500),
    });
    let read = Job::read(&order.write());
    assert_eq!(format!("{read:?}"), format!("{order:?}"));
}
