//! Settings that contradict each other are refused, and the error names them.

use crate::support::Scene;
use integration_tests::jobs::copier::copy;
use integration_tests::{SOON, stop};
use rws_kafka_consumer::{ConsumerError, ExactlyOnceConsumer, KafkaConsumer, Ordering};
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError};
use std::time::Duration;

fn refused(consumer: ExactlyOnceConsumer) -> String {
    match consumer.try_start(|_, _| Ok(())) {
        Err(ConsumerError::Setting { setting, problem }) => {
            assert!(!problem.is_empty());
            setting.to_owned()
        }
        Err(ConsumerError::TransactionalProducer(error)) => match *error {
            ProducerError::Setting { setting, .. } => setting.to_owned(),
            error => panic!("{error:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_is_refused_what_exactly_once_excludes() {
    let scene = Scene::new(1);
    let producer = || scene.producer_config();
    let of = |consumer: KafkaConsumer| consumer.exactly_once("id").producer(producer());
    let with = |name: &str, value: &str| {
        let config = scene.config().property(name, value);
        KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&scene.topic]))
            .unwrap()
    };
    let empty = scene.consumer().exactly_once(" ").producer(producer());
    assert_eq!(refused(empty), "transactional.id");
    assert_eq!(
        refused(of(scene.consumer()).max_messages(0)),
        "max_messages"
    );
    let by_key = scene.consumer().ordering(Ordering::Key);
    assert_eq!(refused(of(by_key)), "ordering");
    let uncommitted = with("isolation.level", "read_uncommitted");
    assert_eq!(refused(of(uncommitted)), "isolation.level");
    let auto = with("enable.auto.commit", "true");
    assert_eq!(refused(of(auto)), "enable.auto.commit");
    let letters = scene.consumer().dead_letter_queue("dlq");
    let letters = letters.dead_letter_producer(KafkaProducer::new(producer()).unwrap());
    assert_eq!(refused(of(letters)), "dead_letter_producer");
    let slow = scene.config().commit_interval(Duration::from_secs(5));
    let slow = KafkaConsumer::new(slow)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .unwrap();
    assert_eq!(refused(of(slow)), "commit_interval");
    let loose = producer().property("enable.idempotence", "false");
    let loose = scene.consumer().exactly_once("id").producer(loose);
    assert_eq!(refused(loose), "enable.idempotence");
    // `join` returns the error that `start` found.
    let handle = scene.consumer().exactly_once("").start(|_, _| Ok(()));
    let report = handle.join_timeout(SOON).expect("its end");
    assert!(matches!(report.error, Some(ConsumerError::Setting { .. })));
}

#[test]
fn a_producer_is_refused_what_transactions_exclude() {
    let config = || ProducerConfig::new("localhost:1").unwrap();
    let refused = |config: ProducerConfig, id: &str| match KafkaProducer::transactional(config, id)
    {
        Err(ProducerError::Setting { setting, .. }) => setting,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(config(), ""), "transactional.id");
    let twice = config().property("transactional.id", "other");
    assert_eq!(refused(twice, "id"), "transactional.id");
    let loose = config().property("enable.idempotence", "false");
    assert_eq!(refused(loose, "id"), "enable.idempotence");
    assert_eq!(refused(config().property("acks", "1"), "id"), "acks");
    let slow = config().delivery_timeout(Duration::from_secs(60));
    assert_eq!(refused(slow, "id"), "message.timeout.ms");
    let short = config().transaction_timeout(Duration::from_millis(10));
    assert_eq!(refused(short, "id"), "transaction_timeout");
    let plain = KafkaProducer::new(config().property("transactional.id", "id"));
    let Err(ProducerError::Setting { setting, problem }) = plain else {
        panic!("{plain:?}");
    };
    assert_eq!(setting, "transactional.id");
    assert!(
        problem.contains("KafkaProducer::transactional"),
        "{problem}"
    );
}

#[test]
fn a_handler_that_commits_by_itself_is_told_that_it_cannot() {
    let scene = Scene::new(1);
    scene.fill(10);
    let copy = copy(&scene.sink);
    let handle = scene.exactly_once().start(move |msg, out| {
        let error = msg.commit_sync().unwrap_err();
        let is_told = matches!(
            error.downcast_ref(),
            Some(ConsumerError::ExactlyOnce {
                call: "commit_sync"
            })
        );
        assert!(is_told, "{error}");
        // It is not necessary, but harmless.
        msg.commit()?;
        copy(msg, out)
    });
    scene.wait_until_committed(10, &handle);
    stop(&handle);
    scene.assert_each_once(10);
}
