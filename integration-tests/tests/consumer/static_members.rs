//! Workers with a `group.instance.id` in a group of KIP-848.

use integration_tests::jobs::{Job, static_member::StaticMember};
use integration_tests::{Kafka, Scene, soon, stop};
use rws_kafka_consumer::ConsumerError;
use rws_kafka_observe::{BrokerState, ConsumerState, Observer};
use std::time::Duration;

const INSTANCE: &str = "pod-3";
/// Longer than a worker needs to start and to be refused.
const SESSION: Duration = Duration::from_secs(8);

/// Returns a broker on which a member that was killed holds its place for [`SESSION`].
fn broker() -> Kafka {
    Kafka::start_with(&[
        ("group.consumer.min.session.timeout.ms", "1000"),
        (
            "group.consumer.session.timeout.ms",
            &SESSION.as_millis().to_string(),
        ),
        ("group.consumer.min.heartbeat.interval.ms", "500"),
        ("group.consumer.heartbeat.interval.ms", "500"),
    ])
}

fn member(scene: &Scene<'_>) -> StaticMember {
    StaticMember {
        place: scene.place(),
        instance_id: INSTANCE.to_owned(),
    }
}

#[test]
fn a_worker_that_was_killed_comes_back_once_its_session_has_ended() {
    let kafka = broker();
    let scene = Scene::on(&kafka, 2);
    scene.fill(1);
    let job = Job::StaticMember(member(&scene));
    let mut worker = job.program(env!("CARGO_BIN_EXE_child")).start();
    soon(|| scene.all_committed() == [1; 2]);
    worker.kill();

    scene.fill(1);
    let handle = member(&scene).start(&scene.observer);
    soon(|| handle.status().last_error.is_some());
    let status = handle.status();
    let Some(ConsumerError::InstanceIdInUse { instance_id, .. }) = &status.last_error else {
        panic!("{status:?}");
    };
    assert_eq!(instance_id, INSTANCE);
    assert!(status.rebalancing && !status.stopped, "{status:?}");
    let readiness = scene.observer.readiness();
    assert_eq!(readiness.consumer(), Some(ConsumerState::Rebalancing));
    let consumers = scene.observer.status().consumers;
    let brokers: Vec<_> = consumers.iter().map(|consumer| consumer.broker).collect();
    assert_eq!(brokers, [BrokerState::Ok]);

    soon(|| scene.all_committed() == [2; 2]);
    soon(|| scene.observer.readiness().is_ready());
    stop(&handle);
}

/// A worker that waits for the id can be stopped meanwhile.
#[test]
fn a_worker_stops_at_once_while_another_one_holds_its_id() {
    let kafka = broker();
    let scene = Scene::on(&kafka, 1);
    scene.fill(1);
    let first = member(&scene).start(&Observer::new());
    soon(|| scene.all_committed() == [1]);
    let second = member(&scene).start(&scene.observer);
    soon(|| second.status().last_error.is_some());
    let report = second.stop();
    assert_eq!(
        (report.unfinished, report.uncommitted),
        (0, 0),
        "{report:?}"
    );
    // It took nothing from the first one.
    scene.fill(1);
    soon(|| scene.all_committed() == [2]);
    stop(&first);
}
