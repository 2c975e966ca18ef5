//! Metrics from librdkafka's statistics of brokers.

use crate::support::Scene;
use integration_tests::{Kafka, close, metric, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_observe::Observer;
use std::time::{Duration, Instant};

fn series(scene: &Scene<'_>, family: &str, client: &str) -> String {
    let address = scene.kafka.bootstrap();
    format!("rws_kafka_broker_{family}_ms{{broker=\"{address}/1\",client=\"{client}\"}}")
}

#[test]
fn round_trips_of_producer_and_consumer_are_told() {
    let scene = Scene::new(1);
    let observer = &scene.observer;
    let producer = scene.producer(observer);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    let send = || producer.send(&scene.topic, "x").is_ok();
    for client in [&scene.topic, &scene.group] {
        let round_trip = series(&scene, "round_trip", client);
        soon(|| send() && metric(observer, &round_trip).is_some_and(|ms| ms > 0.0));
        assert_eq!(
            metric(observer, &series(&scene, "throttle", client)),
            Some(0.0)
        );
        let brokers = observer.status().brokers;
        let broker = brokers.iter().find(|broker| broker.client == **client);
        let broker = broker.unwrap_or_else(|| panic!("{brokers:?}"));
        assert_eq!(broker.name, format!("{}/1", scene.kafka.bootstrap()));
        assert_eq!(broker.state, "UP");
        assert!(broker.round_trip_ms.is_some());
    }
    // One broker, whatever else the clients call it: bootstrap, coordinator.
    assert_eq!(observer.status().brokers.len(), 2);
    stop(&handle);
    close(&producer);
    drop((producer, handle));
    soon(|| observer.status().brokers.is_empty());
}

#[test]
fn a_quota_shows_as_throttle() {
    let scene = Scene::new(1);
    Kafka::shared().tool(
        "kafka-configs",
        &[
            "--alter",
            "--entity-type",
            "clients",
            "--entity-name",
            &scene.topic,
            "--add-config",
            "producer_byte_rate=1000",
        ],
    );
    let observer = Observer::new();
    let producer = scene.producer(&observer);
    // The broker applies the quota slightly later than the tool reports it.
    let throttle = series(&scene, "throttle", &scene.topic);
    soon(|| {
        producer.send_sync(&scene.topic, [0; 20_000]).expect("room");
        let end = Instant::now() + Duration::from_secs(7);
        while Instant::now() < end {
            if metric(&observer, &throttle).is_some_and(|ms| ms > 0.0) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    });
    close(&producer);
}
