use crate::recorder::{record, span};
use crate::support::*;
use integration_tests::{Kafka, close};
use opentelemetry::trace::Status;
use rws_kafka::ConsumerContext;
use rws_kafka_producer::{ProducerError, Record};

#[test]
fn a_publish_that_fails_at_once_tells_why() {
    record();
    let topic = topic();
    let producer = Kafka::shared().producer();
    let error = producer.send(&topic, vec![0; 2_000_000]).unwrap_err();
    close(&producer);
    assert!(matches!(error, ProducerError::MessageTooLarge { .. }));
    let sent = span(&format!("send {topic}"));
    assert_eq!(sent.attribute("error.type"), Some("MessageTooLarge".into()));
    assert_eq!(sent.0.status, Status::error(error.to_string()));
    assert_eq!(sent.attribute("messaging.kafka.offset"), None);
}

#[test]
fn a_publish_that_fails_later_tells_why() {
    record();
    let topic = topic();
    let producer = Kafka::shared().producer();
    let record = Record::to(&topic).payload("1").partition(9);
    let error = producer.send_record_sync(record).unwrap_err();
    close(&producer);
    assert!(
        matches!(error, ProducerError::UnknownPartition { .. }),
        "{error}"
    );
    let sent = span(&format!("send {topic}"));
    assert_eq!(
        sent.attribute("error.type"),
        Some("UnknownPartition".into())
    );
    assert_eq!(sent.0.status, Status::error(error.to_string()));
}

#[test]
fn a_panic_in_a_handler_is_an_error_of_its_span() {
    record();
    let topic = topic();
    let producer = Kafka::shared().producer();
    producer.send(&topic, "1").unwrap();
    let handle = consumer(&topic, &integration_tests::unique("group"))
        .on_failure(rws_kafka::FailurePolicy::Skip)
        .max_retries(0)
        .start(|msg: ConsumerContext| panic!("at offset {}", msg.offset()));
    let processed = span(&format!("process {topic}"));
    assert!(handle.stop().is_clean());
    close(&producer);
    let Status::Error { description } = &processed.0.status else {
        panic!("{:?}", processed.0.status);
    };
    assert!(description.contains("at offset 0"), "{description}");
    assert!(processed.attribute("error.type").is_some());
}
