//! Transactions without a consumer.

use crate::support::Scene;
use integration_tests::{Kafka, SOON, eventually_some, soon};
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::thread;
use std::time::Duration;

fn flat(values: Vec<Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = values.into_iter().flatten().collect();
    all.sort();
    all
}

#[test]
fn the_messages_of_a_transaction_are_read_when_it_is_committed_and_not_before() {
    let scene = Scene::new(2);
    let producer = scene.transactional();
    let transaction = producer.begin().unwrap();
    for number in 0..10 {
        transaction
            .send_keyed(&scene.topic, number.to_string(), format!("s{number}"))
            .unwrap();
        transaction.send(&scene.sink, format!("t{number}")).unwrap();
    }
    // They are at the broker, in an open transaction.
    soon(|| scene.read_all(&scene.sink).concat().len() == 10);
    assert_eq!(scene.read(&scene.sink).concat(), [""; 0]);
    transaction.commit().unwrap();
    soon(|| scene.read(&scene.sink).concat().len() == 10);
    soon(|| scene.read(&scene.topic).concat().len() == 10);
    let expected: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    assert_eq!(flat(scene.read(&scene.sink)), expected);
}

#[test]
fn an_aborted_or_dropped_transaction_leaves_nothing_to_be_read() {
    let scene = Scene::new(1);
    let producer = scene.transactional();
    for (number, abort) in [(0, true), (1, false)] {
        let transaction = producer.begin().unwrap();
        transaction.send(&scene.sink, number.to_string()).unwrap();
        let seen = number + 1;
        soon(|| scene.read_all(&scene.sink).concat().len() == seen);
        match abort {
            true => transaction.abort().unwrap(),
            false => drop(transaction),
        }
    }
    let transaction = producer.begin().unwrap();
    transaction.send(&scene.sink, "kept").unwrap();
    transaction.commit().unwrap();
    soon(|| !scene.read(&scene.sink).concat().is_empty());
    assert_eq!(scene.read(&scene.sink).concat(), ["kept"]);
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
    assert!(matches!(producer.begin(), Err(ProducerError::Closed)));
}

#[test]
fn a_message_that_the_broker_refuses_aborts_its_transaction_and_is_told() {
    let scene = Scene::new(1);
    let small = format!("{}-small", scene.sink);
    let limit = [("max.message.bytes", "1000")];
    scene.kafka.create_topic_with(&small, 1, &limit);
    let producer = scene.transactional();
    let transaction = producer.begin().unwrap();
    transaction.send(&scene.sink, "beside it").unwrap();
    transaction.send(&small, "x".repeat(5000)).unwrap();
    let error = transaction.commit().unwrap_err();
    assert!(error.must_abort() && !error.is_retriable() && !error.is_fatal());
    let ProducerError::TransactionAborted { source, .. } = &error else {
        panic!("{error:?}");
    };
    let source = source.as_deref();
    let is_size =
        matches!(source, Some(ProducerError::MessageTooLarge { topic, .. }) if *topic == small);
    assert!(is_size, "{error:?}");
    let transaction = producer.begin().unwrap();
    transaction.send(&scene.sink, "after it").unwrap();
    transaction.commit().unwrap();
    soon(|| !scene.read(&scene.sink).concat().is_empty());
    assert_eq!(scene.read(&scene.sink).concat(), ["after it"]);
}

#[test]
fn a_second_producer_of_the_same_id_fences_the_first() {
    let scene = Scene::new(1);
    let (first, second) = (scene.transactional(), scene.transactional());
    let open = first.begin().unwrap();
    open.send(&scene.sink, "of the first").unwrap();
    soon(|| !scene.read_all(&scene.sink).concat().is_empty());
    let transaction = second.begin().unwrap();
    transaction.send(&scene.sink, "of the second").unwrap();
    transaction.commit().unwrap();
    let error = open.commit().unwrap_err();
    assert!(matches!(error, ProducerError::Fenced { .. }), "{error:?}");
    assert!(error.is_fatal() && !error.is_retriable());
    assert!(matches!(first.begin(), Err(ProducerError::Fenced { .. })));
    soon(|| !scene.read(&scene.sink).concat().is_empty());
    assert_eq!(scene.read(&scene.sink).concat(), ["of the second"]);
}

#[test]
fn a_transaction_that_outlasts_its_timeout_is_aborted_and_the_producer_goes_on() {
    let kafka = Kafka::start_with(&[(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "500",
    )]);
    let scene = Scene::on(&kafka, 1);
    let config = scene
        .producer_config()
        .transaction_timeout(Duration::from_secs(2));
    let producer = KafkaProducer::transactional(config, &scene.id).unwrap();
    // The coordinator of a broker that has just started may load for longer than the timeout.
    let transaction = eventually_some(SOON, || producer.begin().ok());
    transaction.send(&scene.sink, "late").unwrap();
    soon(|| scene.read_all(&scene.sink).concat() == ["late"]);
    // Messages behind an open transaction are read once it has ended.
    let behind = KafkaProducer::new(scene.producer_config()).unwrap();
    behind.send_sync(&scene.sink, "behind it").unwrap();
    soon(|| scene.read(&scene.sink).concat() == ["behind it"]);
    let error = transaction.commit().unwrap_err();
    assert!(error.must_abort() && error.is_retriable(), "{error:?}");
    let transaction = producer.begin().unwrap();
    transaction.send(&scene.sink, "again").unwrap();
    transaction.commit().unwrap();
    soon(|| scene.read(&scene.sink).concat() == ["behind it", "again"]);
}

#[test]
fn an_abort_without_an_answer_is_settled_before_the_next_transaction() {
    let kafka = Kafka::start_with(&[(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        "200",
    )]);
    let scene = Scene::on(&kafka, 1);
    let config = scene
        .producer_config()
        .transaction_timeout(Duration::from_secs(2));
    let producer = KafkaProducer::transactional(config, &scene.id).unwrap();
    for round in 1..=2 {
        // The coordinator of a new broker may take longer to load than the timeout.
        let begin = || {
            producer
                .begin()
                .inspect_err(|error| assert!(error.is_retriable()))
        };
        let transaction = eventually_some(SOON, || begin().ok());
        transaction.send(&scene.sink, "given up").unwrap();
        let written = 2 * round - 1;
        soon(|| scene.read_all(&scene.sink).concat().len() == written);
        kafka.pause();
        let error = transaction.abort().unwrap_err();
        let is_timed_out = matches!(error, ProducerError::TransactionTimedOut { .. });
        assert!(is_timed_out && error.is_retriable(), "{error:?}");
        kafka.unpause();
        let transaction = eventually_some(SOON, || begin().ok());
        transaction.send(&scene.sink, "kept").unwrap();
        transaction.commit().unwrap();
        soon(|| scene.read(&scene.sink).concat() == vec!["kept"; round]);
    }
}

#[test]
fn a_transaction_waits_for_the_one_before_it() {
    let scene = Scene::new(1);
    let config = scene.producer_config().max_block(Duration::from_millis(50));
    let producer = KafkaProducer::transactional(config, &scene.id).unwrap();
    let open = producer.begin().unwrap();
    let error = producer.begin().unwrap_err();
    assert!(matches!(error, ProducerError::TransactionOpen { .. }));
    assert!(error.is_retriable());
    open.commit().unwrap();
    let producer = scene.transactional();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (producer, scene) = (&producer, &scene);
            scope.spawn(move || {
                for number in 0..5 {
                    let transaction = producer.begin().unwrap();
                    transaction
                        .send(&scene.sink, format!("{thread}-{number}"))
                        .unwrap();
                    transaction.commit().unwrap();
                }
            });
        }
    });
    soon(|| scene.read(&scene.sink).concat().len() == 20);
}
