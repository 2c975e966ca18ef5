//! Errors that a broker gives in a test's stead; real brokers are in the integration tests.

use crate::support::{SOON, config, eventually, metric, outcome};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError};
use std::time::Duration;

type Mock = MockCluster<'static, DefaultProducerContext>;

fn mock() -> Mock {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic("topic", 1, 1).expect("a topic");
    mock
}

fn with(mock: &Mock, settings: impl FnOnce(ProducerConfig) -> ProducerConfig) -> KafkaProducer {
    let config = config(&mock.bootstrap_servers()).delivery_timeout(SOON);
    KafkaProducer::new(settings(config)).expect("a producer")
}

#[test]
fn for_good_and_is_told_apart() {
    use RDKafkaRespErr::*;
    let mock = mock();
    let producer = with(&mock, |config| config);
    producer.send_sync("topic", "x").unwrap();
    for (code, expected) in [
        (
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "not authorised to write to topic \"topic\"",
        ),
        (
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
            "a message of 1 bytes is too large for topic \"topic\": the broker's or",
        ),
        (
            RD_KAFKA_RESP_ERR_INVALID_RECORD,
            "topic \"topic\" refused the message: InvalidRecord (Broker: Broker failed to \
             validate record): a topic with cleanup.policy=compact accepts only records with a \
             key",
        ),
        (
            RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
            "topic \"topic\" refused the message: InvalidTimestamp (Broker: Invalid timestamp): the \
             record's timestamp is further in the past or in the future than the topic's \
             message.timestamp.before.max.ms or message.timestamp.after.max.ms allow; ",
        ),
        (
            RD_KAFKA_RESP_ERR_INVALID_CONFIG,
            "topic \"topic\" refused the message: InvalidConfig (Broker: Configuration is invalid)",
        ),
    ] {
        mock.request_errors(RDKafkaApiKey::Produce, &[code]);
        let error = producer.send_sync("topic", "x").unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.is_retriable() && !error.is_fatal(), "{error:?}");
        assert!(error.connection_cause().is_none());
        let text = error.to_string();
        let said_twice = ["(InvalidRecord)", "(InvalidTimestamp)", "(InvalidConfig)"];
        assert!(!said_twice.iter().any(|code| text.contains(code)), "{text}");
        // The producer continues once it has asked the broker again.
        eventually(|| producer.send_sync("topic", "x").is_ok());
    }
}

#[test]
fn nothing_of_what_a_producer_that_fails_fast_sends_while_it_is_down() {
    let mock = mock();
    let observer = Observer::new();
    let producer = with(&mock, |config| {
        config.fail_fast(true).observer(observer.clone())
    });
    producer.send_sync("topic", "x").unwrap();
    mock.broker_down(1).unwrap();
    let refused = || match producer.send("topic", "x") {
        Err(error @ ProducerError::Unreachable { .. }) => Some(error),
        Err(error) => panic!("{error:?}"),
        Ok(()) => None,
    };
    let mut error = None;
    eventually(|| {
        error = refused();
        error.is_some()
    });
    let error = error.unwrap();
    assert!(
        error.is_retriable() && error.connection_cause().is_some(),
        "{error:?}"
    );
    for error in [
        producer.send_sync("topic", "x").unwrap_err(),
        outcome(producer.send_async("topic", "x")).unwrap_err(),
    ] {
        assert!(
            matches!(error, ProducerError::Unreachable { .. }),
            "{error:?}"
        );
    }
    mock.broker_up(1).unwrap();
    eventually(|| producer.send("topic", "x").is_ok());
    assert!(producer.close(SOON).is_complete());
}

#[test]
fn for_now_and_is_asked_again() {
    use RDKafkaRespErr::*;
    let mock = mock();
    let observer = Observer::new();
    let producer = with(&mock, |config| config.observer(observer.clone()));
    let first = producer.send_sync("topic", "x").unwrap();
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ],
    );
    let second = producer.send_sync("topic", "x").unwrap();
    assert_eq!(second.offset, first.offset + 1);
    assert_eq!(
        metric(&observer, "rws_kafka_messages_produced_total", "topic"),
        2
    );
    assert_eq!(
        metric(&observer, "rws_kafka_produce_errors_total", "topic"),
        0
    );
}

#[test]
fn connections_and_takes_them_again() {
    let mock = mock();
    let observer = Observer::new();
    let producer = with(&mock, |config| config.observer(observer.clone()));
    producer.send_sync("topic", "x").unwrap();
    mock.broker_down(1).unwrap();
    for _ in 0..100 {
        producer.send("topic", "x").unwrap();
    }
    producer.ping(Duration::from_millis(300)).unwrap_err();
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
    mock.broker_up(1).unwrap();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(
        metric(&observer, "rws_kafka_messages_produced_total", "topic"),
        101
    );
    producer.ping(SOON).unwrap();
    assert_eq!(observer.readiness().producer(), Some(BrokerState::Ok));
}
