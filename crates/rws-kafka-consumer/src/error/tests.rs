use super::*;
use crate::{HandlerError, PayloadError};
use std::error::Error;

fn partition() -> TopicPartition {
    TopicPartition::new("orders", 3)
}

fn of_producer() -> Box<ProducerError> {
    Box::new(ProducerError::QueueFull {
        topic: "orders.dlq".to_owned(),
        waited: std::time::Duration::from_secs(5),
        cause: None,
    })
}

/// One error of each variant. Add new variants here.
fn all() -> Vec<ConsumerError> {
    use ConsumerError::*;
    let text = || "words".to_owned();
    let (partition, offset) = (partition(), 7);
    let config = rws_kafka_config::KafkaConfig::builder()
        .build()
        .unwrap_err();
    vec![
        Config(config),
        NoGroup,
        Property { detail: text() },
        NoTopics,
        InvalidTopic(rws_kafka_producer::check_topic_name("a b").unwrap_err()),
        Subscription {
            topics: vec![text()],
            detail: text(),
        },
        Setting {
            setting: "concurrency",
            problem: text(),
        },
        Thread { detail: text() },
        Fetch {
            partitions: vec![partition.clone()],
            detail: text(),
        },
        Group {
            group: text(),
            detail: text(),
        },
        InstanceIdInUse {
            group: text(),
            instance_id: text(),
        },
        Rebalance { detail: text() },
        CommitRefused { detail: text() },
        CommitTimedOut,
        Unfinished {
            partition: partition.clone(),
        },
        PartitionLost {
            partition: partition.clone(),
        },
        DeadLetterProducer(of_producer()),
        TransactionalProducer(of_producer()),
        Transaction(of_producer()),
        TransactionGivenUp { reason: "words" },
        Fenced(of_producer()),
        OutputRefused(of_producer()),
        ExactlyOnce {
            call: "commit_sync",
        },
        DeadLetterRefused {
            partition: partition.clone(),
            offset,
            source: of_producer(),
        },
        RetryRefused {
            partition: partition.clone(),
            offset,
            topic: text(),
            source: of_producer(),
        },
        RetryTopicRefused {
            topic: text(),
            detail: text(),
        },
        Failed {
            partition: partition.clone(),
            offset,
            attempts: 3,
            reason: text(),
        },
        CircuitOpen {
            breaker: text(),
            partition: partition.clone(),
            offset,
            reason: text(),
        },
        NoSuchQueue { queue: text() },
        QueueUnreadable {
            queue: text(),
            detail: text(),
        },
        ReplayProducer(of_producer()),
        ReplayTaken {
            queue: text(),
            group: text(),
        },
        LeftUndone { left: text() },
        Fatal { detail: text() },
    ]
}

fn assert_debug_is_what_main_should_print(error: &(dyn Error + 'static)) {
    let shown = format!("{error:?}");
    let mut lines = error.to_string();
    if let Some(cause) = error.source() {
        lines.push_str(&format!("\n\nCaused by:\n    {cause}"));
        assert!(cause.source().is_none(), "a longer chain");
    }
    assert_eq!(shown, lines);
}

#[test]
fn debug_is_the_advice_with_its_causes() {
    for error in all() {
        assert_debug_is_what_main_should_print(&error);
    }
    assert!(format!("{:?}", ConsumerError::NoGroup).contains("RWS_CONFIG_KAFKA_CONSUMER_GROUP"));
    let fenced = format!("{:?}", ConsumerError::Fenced(of_producer()));
    assert!(fenced.contains("\n\nCaused by:\n    "), "{fenced}");
}

#[test]
fn so_it_is_for_payloads_and_handlers() {
    let (partition, offset) = (partition(), 7);
    let tombstone = || PayloadError::Tombstone {
        partition: partition.clone(),
        offset,
    };
    assert_debug_is_what_main_should_print(&tombstone());
    let not_text = PayloadError::NotUtf8 {
        partition: partition.clone(),
        offset,
        position: 3,
    };
    assert_debug_is_what_main_should_print(&not_text);
    let of_handler = HandlerError::from(tombstone());
    assert_eq!(format!("{of_handler:?}"), tombstone().to_string());
    let of_main = HandlerError::from(ConsumerError::Fenced(of_producer()));
    let expected = format!("{:?}", ConsumerError::Fenced(of_producer()));
    assert_eq!(format!("{of_main:?}"), expected);
}
