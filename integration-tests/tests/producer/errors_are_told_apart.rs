//! Those that need a broker; the others are in the producer's own tests.

use crate::support::{Pausable, block_on, payloads};
use integration_tests::{Kafka, SOON, soon, unique_topic};
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError, Record};
use std::time::Duration;

#[test]
fn a_message_too_large_for_the_broker() {
    let kafka = Kafka::shared();
    let topic = unique_topic("large");
    kafka.create_topic(&topic, 1);
    let config = kafka.producer_config().max_message_bytes(3_000_000);
    let producer = KafkaProducer::new(config).unwrap();
    let record = Record::to(&topic).key("k").payload(&[b'x'; 2_000_000]);
    let error = producer
        .send_record_sync(record.header("name", "value"))
        .unwrap_err();
    assert!(matches!(
        error,
        ProducerError::MessageTooLarge {
            size: 2_000_010,
            ..
        }
    ));
    assert!(!error.is_retriable());
    assert_eq!(
        error.to_string(),
        format!(
            "a message of 2000010 bytes is too large for topic {topic:?}: the broker's or the \
             topic's max.message.bytes is smaller than the message, or than its batch (see \
             batch.size)"
        )
    );
    // The producer remains usable.
    assert_eq!(producer.send_sync(&topic, "small").unwrap().offset, 0);
}

#[test]
fn a_message_too_large_for_its_topic() {
    let kafka = Kafka::shared();
    let topic = unique_topic("large");
    kafka.create_topic_with(&topic, 1, &[("max.message.bytes", "1000")]);
    let producer = kafka.producer();
    let error = block_on(producer.send_async(&topic, [b'x'; 2_000])).unwrap_err();
    assert!(matches!(
        error,
        ProducerError::MessageTooLarge { size: 2_000, .. }
    ));
    assert_eq!(producer.send_sync(&topic, "small").unwrap().offset, 0);
}

#[test]
fn a_batch_too_large_for_its_topic() {
    let kafka = Kafka::shared();
    let topic = unique_topic("batch");
    kafka.create_topic_with(&topic, 1, &[("max.message.bytes", "1000")]);
    let outcomes = |config: ProducerConfig| -> Vec<_> {
        let config = config.linger(Duration::from_millis(50));
        let producer = KafkaProducer::new(config).unwrap();
        let send = || producer.send_async(&topic, [b'x'; 100]);
        let futures: Vec<_> = (0..100).map(|_| send()).collect();
        futures.into_iter().map(block_on).collect()
    };
    // Kafka's limit applies to batches: small messages may exceed it together.
    let refused: Vec<_> = outcomes(kafka.producer_config())
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert!(!refused.is_empty());
    for error in refused {
        assert!(
            matches!(error, ProducerError::MessageTooLarge { size: 100, .. }),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("or than its batch (see batch.size)")
        );
    }
    let small = kafka.producer_config().property("batch.size", "800");
    assert!(outcomes(small).iter().all(Result::is_ok));
}

#[test]
fn a_topic_that_does_not_exist() {
    let kafka = Pausable::take();
    let topic = unique_topic("unknown");
    // The time that librdkafka waits for a new topic to become known: 30 s by default.
    let config = kafka
        .producer_config()
        .property("topic.metadata.propagation.max.ms", "500");
    let producer = KafkaProducer::new(config).unwrap();
    let error = producer.send_sync(&topic, "x").unwrap_err();
    assert!(
        matches!(error, ProducerError::UnknownTopic { .. }),
        "{error:?}"
    );
    assert!(!error.is_retriable());
    let text = format!("topic {topic:?} does not exist on the broker");
    assert_eq!(error.to_string(), text);

    // The topic may be created later.
    kafka.create_topic(&topic, 1);
    soon(|| producer.send_sync(&topic, "made").is_ok());
    assert_eq!(payloads(&kafka, &topic), ["made"]);
}

#[test]
fn a_partition_that_does_not_exist() {
    let kafka = Kafka::shared();
    let topic = unique_topic("partitions");
    kafka.create_topic(&topic, 3);
    let producer = kafka.producer();
    let text = format!("topic {topic:?} has no partition 3");
    let record = || Record::to(&topic).payload("x").partition(3);
    // Reported later, because the number of partitions is not known yet.
    let error = producer.send_record_sync(record()).unwrap_err();
    assert!(
        matches!(error, ProducerError::UnknownPartition { partition: 3, .. }),
        "{error:?}"
    );
    assert_eq!(error.to_string(), text);
    // Refused at once, because the number is known now.
    let error = producer.send_record(record()).unwrap_err();
    assert_eq!(error.to_string(), text);
    assert!(!error.is_retriable());
    let error = producer.send_record(record().partition(-2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("topic {topic:?} has no partition -2")
    );
}

#[test]
fn a_timestamp_that_the_topic_does_not_take() {
    let kafka = Kafka::shared();
    let topic = unique_topic("timestamps");
    let hour = [("message.timestamp.before.max.ms", "3600000")];
    kafka.create_topic_with(&topic, 1, &hour);
    let producer = kafka.producer();
    let record = Record::to(&topic).payload("x").timestamp_ms(1);
    let error = producer.send_record_sync(record).unwrap_err();
    assert!(matches!(error, ProducerError::Refused { .. }), "{error:?}");
    let text = error.to_string();
    assert_eq!(text.matches("InvalidTimestamp").count(), 1, "{text}");
    assert!(text.contains("message.timestamp.before.max.ms"), "{text}");
    assert_eq!(producer.send_sync(&topic, "now").unwrap().offset, 0);
}

#[test]
fn a_record_without_a_key_for_a_compacted_topic() {
    let kafka = Kafka::shared();
    let topic = unique_topic("compacted");
    kafka.create_topic_with(&topic, 1, &[("cleanup.policy", "compact")]);
    let producer = kafka.producer();
    let error = producer.send_sync(&topic, "x").unwrap_err();
    assert!(matches!(error, ProducerError::Refused { .. }), "{error:?}");
    let text = error.to_string();
    assert_eq!(text.matches("InvalidRecord").count(), 1, "{text}");
    assert!(text.contains("cleanup.policy=compact"), "{text}");
    let keyed = Record::to(&topic).key("k").payload("x");
    assert_eq!(producer.send_record_sync(keyed).unwrap().offset, 0);
}

#[test]
fn an_acknowledgement_that_does_not_come_in_time() {
    let kafka = Pausable::take();
    let topic = unique_topic("timeout");
    kafka.create_topic(&topic, 1);
    let config = kafka
        .producer_config()
        .delivery_timeout(Duration::from_millis(1500));
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(&topic, "before").unwrap();
    kafka.pause();
    let error = producer.send_sync(&topic, "during").unwrap_err();
    assert!(matches!(error, ProducerError::TimedOut { .. }), "{error:?}");
    assert!(error.is_retriable());
    let text = error.to_string();
    let expected = format!("no acknowledgement from topic {topic:?} within 1.5s");
    assert!(text.starts_with(&expected), "{text}");
    kafka.unpause();
    // The producer remains usable.
    soon(|| producer.send_sync(&topic, "after").is_ok());
}

#[test]
fn a_broker_that_does_not_answer_a_ping() {
    let kafka = Pausable::take();
    let producer = kafka.producer();
    producer.ping(SOON).unwrap();
    kafka.pause();
    let error = producer.ping(Duration::from_millis(300)).unwrap_err();
    assert!(
        matches!(error, ProducerError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .starts_with("no broker answered within 300ms"),
        "{error}"
    );
    kafka.unpause();
    soon(|| producer.ping(Duration::from_secs(1)).is_ok());
}
