//! A worker's producers log in with the same properties as its consumer.

use crate::support::{PASSWORD, USER, producer, secured, settings};
use integration_tests::{Kafka, soon, unique, unique_topic};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::time::Duration;

/// Reads the first topic, which has a message; the second one is there and empty.
fn consumer(kafka: &Kafka) -> (KafkaConsumer, String) {
    let [topic, target] = ["read", "written"].map(unique_topic);
    kafka.create_topic(&topic, 1);
    kafka.create_topic(&target, 1);
    producer(settings(kafka)).send_sync(&topic, "x").unwrap();
    let ca_file = kafka.certificates().ca_file().to_string_lossy();
    let config = ConsumerConfig::new(kafka.bootstrap(), unique("set-in-code")).unwrap();
    let config = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.username", USER),
        ("sasl.password", PASSWORD),
        ("ssl.ca.location", &ca_file),
    ]
    .into_iter()
    .fold(config, |config, (name, value)| config.property(name, value));
    let consumer = KafkaConsumer::new(config.observer(Observer::new())).unwrap();
    (consumer.subscribe([topic]).unwrap(), target)
}

#[test]
fn a_message_goes_to_a_retry_topic_and_to_the_dead_letters() {
    let kafka = secured();
    let (consumer, queue) = consumer(kafka);
    let handle = consumer
        .max_retries(1)
        .retry_topics([Duration::from_millis(100)])
        .dead_letter_queue(&queue)
        .start(|_: ConsumerContext| Err(HandlerError::new("never")));
    soon(|| kafka.end_offset(&queue, 0) == 1);
    assert!(handle.stop().is_clean());
}

#[test]
fn a_transaction_is_committed() {
    let kafka = secured();
    let (consumer, target) = consumer(kafka);
    let topic = target.clone();
    let handle = consumer
        .exactly_once(unique("set-in-code"))
        .start(move |_, out| {
            out.send(&topic, "y")?;
            Ok(())
        });
    soon(|| kafka.end_offset(&target, 0) > 0);
    soon(|| {
        let partitions = handle.status().assignment;
        partitions.iter().any(|it| it.committed == Some(1))
    });
    assert!(handle.stop().is_clean());
}
