use crate::support::{GUEST, STRANGER, config, secured, settings};
use integration_tests::{eventually, eventually_some, unique_topic};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::time::Duration;

#[test]
fn a_user_without_the_right_to_write_is_told_so_until_it_is_given() {
    let kafka = secured();
    let topic = unique_topic("rights");
    kafka.create_topic(&topic, 1);
    // Whoever may write nowhere gets no producer id: see below.
    kafka.allow(GUEST, &["Write"], &unique_topic("another"));
    let config = config(settings(kafka).sasl_username(GUEST));
    let producer = KafkaProducer::new(config).unwrap();

    let refused = || {
        let error = producer.send_sync(&topic, "refused").unwrap_err();
        assert!(
            matches!(error, ProducerError::NotAuthorized { .. }),
            "{error:?}"
        );
        assert!(!error.is_retriable() && !error.is_fatal());
        let text = format!("not authorised to write to topic {topic:?}");
        assert_eq!(error.to_string(), text);
    };
    // It may not even see the topic, then see but not write.
    refused();
    kafka.allow(GUEST, &["Describe"], &topic);
    refused();
    // To have no right is not to be without a broker.
    producer.ping(Duration::from_secs(10)).unwrap();

    kafka.allow(GUEST, &["Write"], &topic);
    let allowed = || producer.send_sync(&topic, "allowed").is_ok();
    eventually(Duration::from_secs(20), allowed);
    assert_eq!(kafka.end_offset(&topic, 0), 1);
}

#[test]
fn a_user_who_may_write_nowhere_is_told_that_the_producer_is_of_no_use() {
    let kafka = secured();
    let topic = unique_topic("rights");
    kafka.create_topic(&topic, 1);
    let observer = Observer::new();
    let config = config(settings(kafka).sasl_username(STRANGER)).observer(observer.clone());
    let producer = KafkaProducer::new(config).unwrap();
    let fatal = || producer.ping(Duration::from_secs(10)).err();
    let fatal = eventually_some(Duration::from_secs(20), fatal);
    assert!(matches!(fatal, ProducerError::Fatal { .. }), "{fatal:?}");
    assert!(fatal.is_fatal());
    let text = fatal.to_string();
    assert!(text.starts_with("the producer failed for good: "), "{text}");
    assert!(text.ends_with("Cluster authorization failed"), "{text}");
    assert_eq!(producer.send(&topic, "x").unwrap_err().to_string(), text);
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
    assert!(producer.close(Duration::from_secs(10)).is_complete());
}
