//! librdkafka ends an idempotent client permanently; the producer continues with a new one.

use crate::support::{SOON, config, eventually, metric, outcome};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Mock = MockCluster<'static, DefaultProducerContext>;

const TOPIC: &str = "topic";

fn mock() -> Mock {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic(TOPIC, 1, 1).expect("a topic");
    mock
}

fn with(mock: &Mock, observer: &Observer) -> ProducerConfig {
    let config = config(&mock.bootstrap_servers()).delivery_timeout(SOON);
    config.observer(observer.clone())
}

/// As after an unclean leader election.
fn desynchronize(mock: &Mock) {
    let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    mock.request_errors(RDKafkaApiKey::Produce, &[code]);
}

#[track_caller]
fn assert_failed_client(error: &ProducerError) {
    assert!(
        matches!(error, ProducerError::ClientFailed { .. }),
        "{error:?}"
    );
    assert!(error.is_retriable() && !error.is_fatal(), "{error:?}");
    let text = error.to_string();
    let expected = "the producer's client failed before topic \"topic\" acknowledged the message: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("sequence desynchronization"), "{text}");
}

#[test]
fn after_a_sequence_desynchronization_for_all_clones() {
    let (mock, observer) = (mock(), Observer::new());
    let told: Arc<Mutex<Vec<bool>>> = Arc::default();
    let of_callback = Arc::clone(&told);
    let config = with(&mock, &observer).on_delivery(move |report| {
        of_callback.lock().unwrap().push(report.result.is_ok());
    });
    let producer = KafkaProducer::new(config).unwrap();
    let clone = producer.clone();
    producer.send_sync(TOPIC, "before").unwrap();

    desynchronize(&mock);
    let error = producer.send_sync(TOPIC, "during").unwrap_err();
    assert_failed_client(&error);
    eventually(|| clone.send_sync(TOPIC, "after").is_ok());
    producer.send_sync(TOPIC, "after").unwrap();
    producer.ping(SOON).unwrap();
    eventually(|| observer.readiness().producer() == Some(BrokerState::Ok));

    let told = told.lock().unwrap();
    let count = |expected| told.iter().filter(|is_ok| **is_ok == expected).count();
    assert_eq!((count(true), count(false)), (3, 1), "each once: {told:?}");
    assert_eq!(
        metric(&observer, "rws_kafka_messages_produced_total", TOPIC),
        3
    );
}

#[test]
fn and_what_it_held_fails_once_each_and_is_not_sent_again() {
    const MESSAGES: usize = 100;
    let (mock, observer) = (mock(), Observer::new());
    // One message per request, so that many are queued behind the one that fails.
    let config = with(&mock, &observer).property("batch.num.messages", "1");
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(TOPIC, "before").unwrap();
    mock.broker_round_trip_time(1, Duration::from_millis(50))
        .unwrap();
    desynchronize(&mock);
    let send = |_| producer.send_async(TOPIC, "held");
    let held: Vec<_> = (0..MESSAGES).map(send).collect();
    let outcomes: Vec<_> = held.into_iter().map(outcome).collect();
    let errors: Vec<_> = outcomes.iter().filter_map(|it| it.as_ref().err()).collect();
    assert!(errors.len() > 1, "{outcomes:?}");
    errors.iter().for_each(|error| assert_failed_client(error));

    mock.broker_round_trip_time(1, Duration::ZERO).unwrap();
    eventually(|| producer.send_sync(TOPIC, "after").is_ok());
    // None of them reached the topic later.
    let delivered = (MESSAGES - errors.len()) as i64;
    let offset = producer.send_sync(TOPIC, "after").unwrap().offset;
    assert_eq!(offset, 1 + delivered + 1);
    assert!(producer.close(SOON).is_complete());
    assert_eq!(
        metric(&observer, "rws_kafka_messages_produced_total", TOPIC),
        offset as u64 + 1
    );
}

#[test]
fn when_the_permission_that_it_missed_is_granted() {
    let (mock, observer) = (mock(), Observer::new());
    let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    mock.request_errors(RDKafkaApiKey::InitProducerId, &[code; 2]);
    let producer = KafkaProducer::new(with(&mock, &observer)).unwrap();
    let permission = "the user may not get a producer id; it needs Write on a topic, or \
                      IdempotentWrite on the cluster: ";
    let refused = || {
        let error = producer.ping(SOON).err();
        matches!(error, Some(ProducerError::ClientReplaced { .. })).then_some(error)?
    };
    let mut error = None;
    eventually(|| {
        error = refused();
        error.is_some()
    });
    let error = error.unwrap();
    assert!(error.to_string().contains(permission), "{error}");
    assert!(error.is_retriable() && !error.is_fatal());
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
    // Queued messages have failed and new ones are refused, with the same cause.
    if let Err(error) = producer.send_sync(TOPIC, "x") {
        assert!(error.to_string().contains(permission), "{error}");
    }
    eventually(|| producer.send_sync(TOPIC, "granted").is_ok());
    eventually(|| producer.ping(SOON).is_ok());
    eventually(|| observer.readiness().producer() == Some(BrokerState::Ok));
}

#[test]
fn unless_the_producer_is_closed_meanwhile() {
    let (mock, observer) = (mock(), Observer::new());
    let producer = KafkaProducer::new(with(&mock, &observer)).unwrap();
    producer.send_sync(TOPIC, "before").unwrap();
    desynchronize(&mock);
    producer.send(TOPIC, "during").unwrap();
    assert!(producer.close(SOON).is_complete());
    let error = producer.send(TOPIC, "closed").unwrap_err();
    assert!(matches!(error, ProducerError::Closed) && error.is_fatal());
    assert_eq!(
        metric(&observer, "rws_kafka_produce_errors_total", TOPIC),
        1
    );
}

#[test]
fn beside_senders_that_wait_for_room_in_a_full_queue() {
    let (mock, observer) = (mock(), Observer::new());
    let config = with(&mock, &observer)
        .property("queue.buffering.max.messages", "1")
        .max_block(SOON);
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(TOPIC, "before").unwrap();
    mock.broker_round_trip_time(1, Duration::from_millis(500))
        .unwrap();
    desynchronize(&mock);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let producer = producer.clone();
            std::thread::spawn(move || producer.send_sync(TOPIC, "waits").map(drop))
        })
        .collect();
    eventually(|| senders.iter().all(|sender| sender.is_finished()));
    mock.broker_round_trip_time(1, Duration::ZERO).unwrap();
    eventually(|| producer.send_sync(TOPIC, "after").is_ok());
    let failed = senders
        .into_iter()
        .map(|sender| sender.join().unwrap())
        .filter(Result::is_err);
    assert!(failed.count() >= 1, "the one whose request was refused");
    assert!(producer.close(SOON).is_complete());
}

#[test]
fn after_a_callback_that_takes_long_has_had_each_report() {
    const MESSAGES: usize = 40;
    let (mock, observer) = (mock(), Observer::new());
    let told: Arc<Mutex<Vec<bool>>> = Arc::default();
    let of_callback = Arc::clone(&told);
    // Together longer than the time for a report.
    let config = with(&mock, &observer)
        .property("batch.num.messages", "1")
        .on_delivery(move |report| {
            std::thread::sleep(Duration::from_millis(100));
            of_callback.lock().unwrap().push(report.result.is_ok());
        });
    let producer = KafkaProducer::new(config).unwrap();
    mock.broker_round_trip_time(1, Duration::from_millis(50))
        .unwrap();
    desynchronize(&mock);
    let send = |_| producer.send_async(TOPIC, "held");
    let held: Vec<_> = (0..MESSAGES).map(send).collect();
    held.into_iter().map(outcome).for_each(drop);
    assert_eq!(told.lock().unwrap().len(), MESSAGES, "each once");
    assert_eq!(producer.flush(SOON).undelivered, 0);
}
