use crate::support::payloads;
use integration_tests::{Kafka, SOON, soon, unique_topic};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::connection::ConnectionCause;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::time::Duration;

#[test]
fn what_was_sent_before_the_broker_was_up_is_delivered() {
    let kafka = Kafka::start();
    let topic = unique_topic("late");
    kafka.create_topic(&topic, 1);
    kafka.stop();

    let observer = Observer::new();
    let producer = KafkaProducer::new(kafka.producer_config().observer(observer.clone())).unwrap();
    let sent: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for payload in &sent {
        producer.send(&topic, payload).unwrap();
    }
    let error = producer.ping(Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, ProducerError::Unreachable { .. }));
    let cause = error.connection_cause();
    assert!(
        matches!(cause, Some(ConnectionCause::Unreachable { .. })),
        "{error}"
    );
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
    assert!(producer.flush(Duration::ZERO).undelivered >= 200);

    kafka.restart();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(payloads(&kafka, &topic), sent);
    soon(|| observer.readiness().producer() == Some(BrokerState::Ok));
}
