//! What `start` says about a worker that cannot be.

use crate::support::{Journal, SOON, Scene, soon, stop};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerError, KafkaConsumer};
use rws_kafka_observe::{ConsumerState, Observer};
use std::time::Duration;

fn consumer(change: impl FnOnce(ConsumerConfig) -> ConsumerConfig) -> KafkaConsumer {
    let config = ConsumerConfig::new("localhost:1", "group").unwrap();
    KafkaConsumer::new(change(config)).unwrap()
}

fn subscribed(topics: &[&str]) -> KafkaConsumer {
    let consumer = consumer(|config| config.observer(Observer::new()));
    consumer.subscribe(topics.to_vec()).unwrap()
}

/// Both ways of starting give the same error, and whatever asks for it gets it.
fn error_of(consumer: KafkaConsumer) -> ConsumerError {
    let error = consumer.clone().try_start(handler).unwrap_err();
    let handle = consumer.start(handler);
    let joined = handle.join().error.unwrap();
    assert_eq!(joined.to_string(), error.to_string());
    assert!(!handle.stop().is_clean());
    assert!(handle.join_timeout(Duration::ZERO).is_some());
    let status = handle.status();
    assert!(status.stopped);
    assert_eq!(status.last_error.unwrap().to_string(), error.to_string());
    assert!(!handle.wait_ready(SOON));
    error
}

fn handler(msg: ConsumerContext) -> rws_kafka_consumer::HandlerResult {
    msg.commit()
}

#[test]
fn a_worker_needs_a_subscription() {
    let error = error_of(consumer(|config| config.observer(Observer::new())));
    assert!(matches!(error, ConsumerError::NoTopics));
    let consumer = consumer(|config| config);
    let error = consumer.subscribe(Vec::<String>::new()).unwrap_err();
    assert!(matches!(error, ConsumerError::NoTopics));
}

#[test]
fn a_topic_needs_a_valid_name() {
    for name in ["", "..", "a b", "ü", &"x".repeat(250)] {
        let consumer = consumer(|config| config.observer(Observer::new()));
        let error = consumer.subscribe([name]).unwrap_err();
        assert!(matches!(error, ConsumerError::InvalidTopic(_)), "{name}");
        let begins_so: String = name.chars().take(20).collect();
        assert!(error.to_string().contains(&begins_so), "{error}");
    }
}

#[test]
fn a_worker_needs_a_group() {
    let config = rws_kafka_config::KafkaConfig::builder()
        .brokers("localhost:1")
        .build()
        .unwrap();
    let error = KafkaConsumer::new(config).unwrap_err();
    assert!(matches!(error, ConsumerError::NoGroup));
    assert!(
        error
            .to_string()
            .contains("RWS_CONFIG_KAFKA_CONSUMER_GROUP")
    );
}

#[test]
fn a_worker_needs_a_thread_and_room() {
    let error = error_of(subscribed(&["a"]).concurrency(0));
    assert!(error.to_string().contains("concurrency"), "{error}");
    for (name, change) in [
        (
            "max_in_flight",
            ConsumerConfig::max_in_flight as fn(_, _) -> _,
        ),
        ("max_in_flight_bytes", ConsumerConfig::max_in_flight_bytes),
    ] {
        let consumer = consumer(|config| change(config.observer(Observer::new()), 0));
        let error = error_of(consumer.subscribe(["a"]).unwrap());
        let expected = format!("{name} is 0; at least 1 is needed");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_pattern_must_be_a_regular_expression() {
    let error = error_of(subscribed(&["good", "^(bad"]));
    let ConsumerError::Subscription { topics, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*topics, ["good", "^(bad"]);
}

#[test]
fn a_property_must_be_one_of_librdkafka() {
    for (name, value) in [
        ("no.such.property", "secret-value"),
        ("fetch.min.bytes", "secret-value"),
    ] {
        let consumer = consumer(|config| config.observer(Observer::new()).property(name, value));
        let error = error_of(consumer.subscribe(["a"]).unwrap());
        assert!(matches!(error, ConsumerError::Property { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_worker_that_cannot_start_makes_readiness_degraded() {
    let observer = Observer::new();
    let consumer = consumer(|config| config.observer(observer.clone()));
    let handle = consumer.start(handler);
    assert_eq!(
        observer.readiness().consumer(),
        Some(ConsumerState::Stalled)
    );
    assert!(!observer.readiness().is_ready());
    drop(handle);
}

#[test]
fn what_the_engine_relies_on_cannot_be_turned_off() {
    let scene = Scene::new(1);
    scene.fill(10);
    let config = scene
        .config()
        .property("enable.auto.commit", "true")
        .property("auto.commit.enable", "true")
        .property("auto.commit.interval.ms", "5")
        .property("enable.auto.offset.store", "true");
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            Ok(())
        });
    soon(|| journal.len() == 10);
    stop(&handle);
    assert_eq!(scene.committed(0), None);
}
