use crate::support::Scene;
use integration_tests::jobs::copier::copy;
use integration_tests::{SOON, ready, soon, stop};
use rws_kafka_consumer::ConsumerError;

#[test]
fn a_worker_whose_transactional_id_is_taken_over_ends_with_an_error() {
    let scene = Scene::new(2);
    scene.fill(500);
    let first = scene.exactly_once().start(copy(&scene.sink));
    scene.wait_until_committed(500, &first);
    // Another service that uses the same id by mistake. It owns no partitions.
    let other = scene.transactional();
    other.begin().unwrap().abort().unwrap();
    scene.fill(500);
    let report = first.join_timeout(SOON).expect("its end");
    let Some(ConsumerError::Fenced(_)) = &report.error else {
        panic!("{report:?}");
    };
    assert!(report.error.as_ref().is_some_and(ConsumerError::is_fatal));
    let second = scene.exactly_once().start(copy(&scene.sink));
    ready(&second);
    scene.wait_until_committed(1000, &second);
    stop(&second);
    soon(|| scene.read(&scene.sink).concat().len() == 2000);
    for values in scene.read(&scene.sink) {
        let expected: Vec<String> = (0..500).chain(0..500).map(|n: i32| n.to_string()).collect();
        assert_eq!(values, expected);
    }
}
