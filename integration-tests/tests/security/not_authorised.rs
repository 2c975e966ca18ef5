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
    // A user without any write permission gets no producer id: see below.
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
    // First it may not even describe the topic, then describe but not write.
    refused();
    kafka.allow(GUEST, &["Describe"], &topic);
    refused();
    // A missing permission does not mean that the broker is unreachable.
    producer.ping(Duration::from_secs(10)).unwrap();

    kafka.allow(GUEST, &["Write"], &topic);
    let allowed = || producer.send_sync(&topic, "allowed").is_ok();
    eventually(Duration::from_secs(20), allowed);
    assert_eq!(kafka.end_offset(&topic, 0), 1);
}

#[test]
fn a_user_who_may_write_nowhere_is_told_the_permission_and_served_once_it_is_granted() {
    let kafka = secured();
    let topic = unique_topic("rights");
    kafka.create_topic(&topic, 1);
    let observer = Observer::new();
    let config = config(settings(kafka).sasl_username(STRANGER)).observer(observer.clone());
    let producer = KafkaProducer::new(config).unwrap();
    let failed = || producer.ping(Duration::from_secs(10)).err();
    let failed = eventually_some(Duration::from_secs(20), failed);
    assert!(
        matches!(failed, ProducerError::ClientReplaced { .. }),
        "{failed:?}"
    );
    assert!(failed.is_retriable() && !failed.is_fatal());
    let text = failed.to_string();
    let permission = "it needs Write on a topic, or IdempotentWrite on the cluster";
    assert!(text.contains(permission), "{text}");
    assert!(text.ends_with("Cluster authorization failed"), "{text}");
    let sent = producer.send_sync(&topic, "refused").unwrap_err();
    assert!(sent.to_string().contains(permission), "{sent}");
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );

    kafka.allow(STRANGER, &["Write", "Describe"], &topic);
    let allowed = || producer.send_sync(&topic, "allowed").is_ok();
    eventually(Duration::from_secs(40), allowed);
    let is_ready = || observer.readiness().producer() == Some(BrokerState::Ok);
    eventually(Duration::from_secs(20), is_ready);
    assert_eq!(kafka.end_offset(&topic, 0), 1);
    assert!(producer.close(Duration::from_secs(10)).is_complete());
}
