use crate::support::{PASSWORD, USER, config, consume_one, producer, settings};
use integration_tests::{Kafka, SOON, SaslOptions, unique, unique_topic};
use rws_kafka_producer::connection::ConnectionCause;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::time::Duration;

#[test]
fn a_broker_that_asks_for_them_takes_ours_and_refuses_none() {
    let options = SaslOptions::new()
        .user(USER, PASSWORD)
        .require_client_certificates();
    let kafka = Kafka::start_sasl_ssl(options);
    let topic = unique_topic("mtls");
    kafka.create_topic(&topic, 1);

    let (certificate, key) = kafka.certificates().client("my-service");
    let settings_with = || {
        settings(&kafka)
            .ssl_certificate_file(&certificate)
            .ssl_key_file(&key)
    };
    let delivery = producer(settings_with()).send_sync(&topic, "with a certificate");
    assert_eq!(delivery.unwrap().offset, 0);
    let group = unique("mtls");
    let payload = consume_one(settings_with().consumer_group(group), &topic);
    assert_eq!(payload, "with a certificate");

    let config = config(settings(&kafka)).delivery_timeout(Duration::from_secs(3));
    let without = KafkaProducer::new(config).unwrap();
    let error = without.send_sync(&topic, "without").unwrap_err();
    assert!(matches!(error, ProducerError::TimedOut { .. }), "{error:?}");
    let cause = error.connection_cause();
    assert!(
        matches!(cause, Some(ConnectionCause::Tls { .. })),
        "{error}"
    );
    without.ping(Duration::from_millis(500)).unwrap_err();
    producer(settings_with()).ping(SOON).unwrap();
}
