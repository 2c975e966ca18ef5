//! Gauges of messages in flight and queued, and the status.

use crate::support::Scene;
use integration_tests::{Gate, Kafka, close, metric, ready, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_observe::{BrokerState, Observer, PartitionState, WorkerState};
use std::time::Duration;

#[test]
fn a_workers_queue_and_hands_are_on_the_page_and_in_the_status() {
    let scene = Scene::new(2);
    scene.fill(0..1, 50);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    ready(&handle);
    let gauge = |name: &str| scene.of_group(&format!("rws_kafka_consumer_{name}"), "");
    soon(|| gauge("in_flight") == Some(1.0) && gauge("queued_messages") == Some(49.0));
    assert_eq!(gauge("queued_bytes"), Some(f64::from(50 * 8)));
    assert_eq!(gauge("assigned_partitions"), Some(2.0));
    assert_eq!(gauge("paused_partitions"), Some(0.0));
    soon(|| gauge("oldest_in_flight_seconds").is_some_and(|age| age > 0.2));
    soon(|| scene.lag(0) == Some(50));

    let status = scene.observer.status();
    let [consumer] = status.consumers.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(
        (&consumer.group, &consumer.client),
        (&scene.group, &scene.group)
    );
    assert_eq!(consumer.broker, BrokerState::Ok);
    assert_eq!(consumer.state, WorkerState::Ok);
    assert_eq!((consumer.in_flight, consumer.queued_messages), (1, 49));
    assert!(consumer.oldest_in_flight_ms > Some(200), "{consumer:?}");
    assert_eq!(consumer.since_last_commit_ms, None);
    let [busy, idle] = consumer.partitions.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!((&busy.topic, busy.partition), (&scene.topic, 0));
    assert_eq!(
        (busy.position, busy.committed, busy.lag),
        (Some(50), None, Some(50))
    );
    assert_eq!((idle.position, idle.partition), (None, 1));
    assert_eq!(busy.state, PartitionState::Running);

    handle.pause();
    assert_eq!(gauge("paused_partitions"), Some(2.0));
    let status = scene.observer.status();
    assert_eq!(status.consumers[0].state, WorkerState::Paused);
    assert_eq!(
        status.consumers[0].partitions[1].state,
        PartitionState::Paused
    );
    handle.resume();
    gate.open();
    soon(|| {
        [
            "in_flight",
            "queued_messages",
            "queued_bytes",
            "oldest_in_flight_seconds",
        ]
        .iter()
        .all(|name| gauge(name) == Some(0.0))
    });
    soon(|| scene.observer.status().consumers[0].partitions[0].committed == Some(50));
    assert!(
        scene.observer.status().consumers[0]
            .since_last_commit_ms
            .is_some()
    );
    assert!(scene.observer.liveness().is_some());
    stop(&handle);
    assert_eq!(gauge("assigned_partitions"), None);
    assert!(scene.observer.status().consumers.is_empty());
    assert_eq!(scene.observer.liveness(), None);
}

#[test]
fn a_partition_without_room_is_paused() {
    let scene = Scene::new(1);
    scene.fill(0..1, 500);
    let gate = Gate::default();
    let wait = gate.clone();
    let config = scene.config(rws_kafka_config::OffsetReset::Earliest);
    let consumer = scene.consumer_of(config.max_in_flight(100));
    let handle = consumer.start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    let paused = || scene.of_group("rws_kafka_consumer_paused_partitions", "");
    soon(|| paused() == Some(1.0));
    let state = || scene.observer.status().consumers[0].partitions[0].state;
    assert_eq!(state(), PartitionState::Full);
    // The end is known, whatever is fetched.
    soon(|| scene.lag(0) == Some(500));
    gate.open();
    soon(|| scene.lag(0) == Some(0));
    assert_eq!((paused(), state()), (Some(0.0), PartitionState::Running));
    stop(&handle);
}

#[test]
fn a_producers_queue_is_on_the_page_and_in_the_status() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, 1, &[]);
    let observer = Observer::new();
    let producer = scene.producer(&observer);
    let client = &scene.topic;
    let gauge = |name: &str| {
        let series = format!("rws_kafka_producer_{name}{{client=\"{client}\"}}");
        metric(&observer, &series)
    };
    producer.send_sync(client, "first").unwrap();
    // The gauge decreases after the sender has its result.
    soon(|| gauge("queued_messages") == Some(0.0));
    assert_eq!(gauge("queued_bytes"), Some(0.0));
    kafka.pause();
    for _ in 0..20 {
        producer.send_keyed(client, "key", [7; 97]).unwrap();
    }
    assert_eq!(gauge("queued_messages"), Some(20.0));
    assert_eq!(gauge("queued_bytes"), Some(2000.0));
    soon(|| observer.status().producers[0].broker == BrokerState::Unreachable);
    let status = observer.status();
    assert!(
        status
            .errors
            .iter()
            .any(|error| error.source == format!("producer {client}")),
        "{status:?}"
    );
    assert_eq!(status.producers[0].client, *client);
    assert_eq!(
        (
            status.producers[0].queued_messages,
            status.producers[0].queued_bytes
        ),
        (20, 2000)
    );
    kafka.unpause();
    assert_eq!(producer.flush(Duration::from_secs(60)).undelivered, 0);
    assert_eq!(gauge("queued_messages"), Some(0.0));
    assert_eq!(gauge("queued_bytes"), Some(0.0));
    assert_eq!(observer.status().producers[0].delivered, 21);
    close(&producer);
    drop(producer);
    assert!(observer.status().producers.is_empty());
    assert_eq!(gauge("queued_messages"), None);
}
