//! The errors of `start` for invalid workers.

use integration_tests::{Journal, SOON, Scene, soon, stop};
use rws_kafka_consumer::{
    CircuitBreaker, ConsumerConfig, ConsumerContext, ConsumerError, DeadLetterHeaders,
    FailurePolicy, GroupProtocol, KafkaConsumer,
};
use rws_kafka_observe::{ConsumerState, Observer};
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::time::Duration;

fn consumer(change: impl FnOnce(ConsumerConfig) -> ConsumerConfig) -> KafkaConsumer {
    let config = ConsumerConfig::new("localhost:1", "group").unwrap();
    KafkaConsumer::new(change(config)).unwrap()
}

fn subscribed(topics: &[&str]) -> KafkaConsumer {
    let consumer = consumer(|config| config.observer(Observer::new()));
    consumer.subscribe(topics.to_vec()).unwrap()
}

/// Returns the error of a start. Both ways of starting return the same one, and everything that
/// reports the error agrees.
fn error_of(consumer: KafkaConsumer) -> ConsumerError {
    let error = consumer.clone().try_start(handler).unwrap_err();
    let handle = consumer.start(handler);
    let joined = handle.join().error.clone().unwrap();
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

/// Each combination, with the words of its error.
#[test]
fn settings_that_contradict_each_other_are_refused() {
    let plain = || subscribed(&["orders"]);
    let queued = || plain().dead_letter_queue("dlq");
    let configured = |change: fn(ConsumerConfig) -> ConsumerConfig| {
        let consumer = consumer(|config| change(config.observer(Observer::new())));
        consumer.subscribe(["orders"]).unwrap()
    };
    fn kip_848(config: ConsumerConfig) -> ConsumerConfig {
        config.group_protocol(GroupProtocol::Consumer)
    }
    let cases: [(KafkaConsumer, &str, &str); 16] = [
        (
            subscribed(&["a", "a.dlq"]).dead_letter_queue("{topic}.dlq"),
            "dead_letter_queue",
            "is \"a.dlq\", to which the worker also subscribes",
        ),
        (
            configured(|config| config.property("group.remote.assignor", "uniform")),
            "group.remote.assignor",
            "is \"uniform\", but group.protocol is classic",
        ),
        (
            plain().dead_letter_queue("orders"),
            "dead_letter_queue",
            "to which the worker also subscribes",
        ),
        (
            plain().dead_letter_queue("a b"),
            "dead_letter_queue",
            "\"a b\"",
        ),
        (
            plain().max_retries(3),
            "max_retries",
            "no policy applies after the last retry",
        ),
        (
            plain().on_failure(FailurePolicy::Retry).max_retries(3),
            "max_retries",
            "no policy applies after the last retry",
        ),
        (
            queued().on_failure(FailurePolicy::Skip),
            "on_failure",
            "is Skip, but a dead_letter_queue is set",
        ),
        (
            queued().on_failure(FailurePolicy::Retry),
            "on_failure",
            "is Retry, but a dead_letter_queue is set",
        ),
        (
            plain().on_failure(FailurePolicy::DeadLetter),
            "on_failure",
            "no dead_letter_queue is set",
        ),
        (
            plain().circuit_breaker(CircuitBreaker::consecutive(3)),
            "circuit_breaker",
            "no message is ever dead-lettered or skipped",
        ),
        (
            plain()
                .on_failure(FailurePolicy::Stop)
                .circuit_breaker(CircuitBreaker::consecutive(3)),
            "circuit_breaker",
            "no message is ever dead-lettered or skipped",
        ),
        (
            configured(|config| kip_848(config).property("partition.assignment.strategy", "range")),
            "partition.assignment.strategy",
            "the broker assigns",
        ),
        (
            configured(|config| kip_848(config).property("session.timeout.ms", "7000")),
            "session.timeout.ms",
            "group.consumer.session.timeout.ms applies",
        ),
        (
            configured(|config| kip_848(config).property("heartbeat.interval.ms", "700")),
            "heartbeat.interval.ms",
            "group.consumer.heartbeat.interval.ms applies",
        ),
        (
            configured(|config| config.drain_timeout(Duration::from_secs(300))),
            "drain_timeout",
            "max.poll.interval.ms (300s)",
        ),
        (
            configured(|config| {
                config
                    .property("max.poll.interval.ms", "30000")
                    .property("session.timeout.ms", "7000")
            }),
            "drain_timeout",
            "is 30s, but a rebalance continues without a member that takes longer",
        ),
    ];
    for (consumer, name, words) in cases {
        let error = error_of(consumer);
        let ConsumerError::Setting { setting, .. } = &error else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(*setting, name, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn headers_for_letters_need_a_queue() {
    let error = error_of(subscribed(&["a"]).dead_letter_headers(DeadLetterHeaders::Spring));
    let expected = "dead_letter_headers is set, but no dead_letter_queue is set";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn there_is_an_end_to_lanes() {
    let error = error_of(subscribed(&["a"]).concurrency(usize::MAX));
    let expected = format!(
        "concurrency is {}, and each takes a thread; at most 4096 are allowed",
        usize::MAX
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_producer_for_letters_needs_a_queue() {
    let config = ProducerConfig::new("localhost:1").unwrap();
    let producer = KafkaProducer::new(config.observer(Observer::new())).unwrap();
    let error = error_of(subscribed(&["a"]).dead_letter_producer(producer));
    let expected = "dead_letter_producer is set, but no dead_letter_queue is set";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn settings_that_fit_together_start() {
    for consumer in [
        subscribed(&["a"]).dead_letter_queue("b").max_retries(0),
        subscribed(&["a"])
            .on_failure(FailurePolicy::Skip)
            .max_retries(3),
        subscribed(&["a"]).on_failure(FailurePolicy::Stop),
        subscribed(&["a"]).on_failure(FailurePolicy::Retry),
    ] {
        let handle = consumer.try_start(handler).unwrap();
        handle.stop_within(Duration::ZERO);
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
    // The error has not been read yet.
    drop(handle);
    assert!(!observer.readiness().is_ready());
}

#[test]
fn a_worker_whose_failure_was_told_is_gone_with_its_handle() {
    let observer = Observer::new();
    let consumer = consumer(|config| config.observer(observer.clone()));
    let handle = consumer.start(handler);
    assert!(handle.join().error.is_some());
    assert!(!observer.readiness().is_ready());
    drop(handle);
    assert!(observer.readiness().is_ready());
}

#[test]
fn what_the_engine_relies_on_cannot_be_turned_off() {
    let scene = Scene::new(1);
    scene.fill(10);
    for name in [
        "enable.auto.commit",
        "auto.commit.enable",
        "enable.auto.offset.store",
    ] {
        let consumer = scene.consumer_of(scene.config().property(name, "true"));
        let handle = consumer.start(|_: ConsumerContext| Ok(()));
        let error = handle.join().error.clone().expect("it is refused");
        assert!(
            error
                .to_string()
                .contains("by a property, but the worker needs"),
            "{error}"
        );
    }
    let config = scene
        .config()
        .property("enable.auto.commit", "false")
        .property("auto.commit.interval.ms", "5");
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
