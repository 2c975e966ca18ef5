use crate::support::{Journal, Scene, as_told};
use integration_tests::{ready, soon, stop};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::ConsumerConfig;
use rws_kafka_observe::{ConsumerState, PartitionState};
use std::thread;
use std::time::{Duration, Instant};

const DELAY: u64 = 10_000;

/// A lag timeout that is a fraction of the delay.
#[test]
fn a_worker_is_ready_while_messages_wait() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    let config = KafkaConfig::builder()
        .brokers(scene.kafka.bootstrap())
        .consumer_group(&scene.group)
        .readyz_lag_timeout(Duration::from_secs(3))
        .build()
        .expect("valid settings");
    let config = ConsumerConfig::from(config).observer(scene.observer.clone());
    let handle = scene
        .consumer_of(config)
        .retry_topics([Duration::from_millis(DELAY)])
        .dead_letter_queue("{topic}.dlq")
        .start(as_told(&journal));
    ready(&handle);
    let retry = scene.retry(DELAY);
    // Joined again with its retry topic.
    let has_retry = || {
        let assignment = handle.status().assignment;
        assignment.iter().any(|it| it.partition.topic() == retry)
    };
    soon(has_retry);
    soon(|| scene.observer.readiness().is_ready());
    scene.send((0..5).map(|it| format!("1-{it}")));
    soon(|| journal.len() == 5);
    let put_off = Instant::now();
    // It still counts as lag, and the status shows that the partition waits.
    soon(|| scene.observer.readiness().consumer_lag() == Some(5));
    let states = || {
        let consumers = scene.observer.status().consumers;
        let partitions = consumers.into_iter().flat_map(|it| it.partitions);
        let of_retries = partitions.filter(|it| it.topic == retry);
        of_retries.map(|it| it.state).collect::<Vec<_>>()
    };
    soon(|| states() == [PartitionState::Waiting]);
    while journal.len() == 5 {
        let readiness = scene.observer.readiness();
        let state = readiness.consumer();
        assert_eq!(
            state,
            Some(ConsumerState::Ok),
            "after {:?}",
            put_off.elapsed()
        );
        thread::sleep(Duration::from_millis(20));
    }
    assert!(put_off.elapsed() > Duration::from_secs(6), "it waited");
    soon(|| journal.len() == 10 && scene.is_committed(&retry));
    soon(|| scene.observer.readiness().consumer_lag() == Some(0));
    stop(&handle);
}
