//! Subscriptions.

use integration_tests::{Journal, Kafka, Scene, ready, soon, stop, unique, unique_topic};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn consumer(kafka: &Kafka, group: &str, topics: &[&str]) -> KafkaConsumer {
    let config = KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .consumer_group(group)
        .build()
        .unwrap();
    let config = ConsumerConfig::from(config).observer(Observer::new());
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe(topics.to_vec()))
        .unwrap()
}

#[test]
fn a_topic_that_is_made_later_is_found() {
    let kafka = Kafka::shared();
    let (group, topic) = (unique("group"), unique_topic("later"));
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = consumer(kafka, &group, &[&topic]).start(move |msg: ConsumerContext| {
        notes.note(&msg);
        msg.commit()
    });
    // The error names the missing topic.
    soon(|| handle.status().last_error.is_some());
    let error = handle.status().last_error.unwrap().to_string();
    assert!(error.contains("UnknownTopicOrPartition"), "{error}");
    kafka.create_topic(&topic, 1);
    kafka.kcat_with_input(&["-P", "-t", &topic], b"one\ntwo\n");
    soon(|| kafka.committed_offset(&group, &topic, 0) == Some(2));
    stop(&handle);
    assert_eq!(journal.of(0), [0, 1]);
}

#[test]
fn a_pattern_takes_in_the_topics_that_match_and_those_made_later() {
    let kafka = Kafka::shared();
    let prefix = unique_topic("pattern");
    let topics = ["a", "b", "c"].map(|name| format!("{prefix}.{name}"));
    let other = format!("{prefix}-other");
    for topic in [&topics[0], &topics[1], &other] {
        kafka.create_topic(topic, 1);
        kafka.kcat_with_input(&["-P", "-t", topic], b"x\n");
    }
    let group = unique("group");
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let sink = Arc::clone(&seen);
    let pattern = format!("^{prefix}\\..*");
    let handle = consumer(kafka, &group, &[&pattern]).start(move |msg: ConsumerContext| {
        sink.lock().unwrap().insert(msg.topic().to_owned());
        msg.commit()
    });
    soon(|| seen.lock().unwrap().len() == 2);
    kafka.create_topic(&topics[2], 1);
    kafka.kcat_with_input(&["-P", "-t", &topics[2]], b"x\n");
    soon(|| seen.lock().unwrap().len() == 3);
    stop(&handle);
    assert!(topics.iter().eq(seen.lock().unwrap().iter()));
}

#[test]
fn a_member_that_gets_no_partition_is_ready() {
    let scene = Scene::new(1);
    let start = || scene.consumer().start(|msg: ConsumerContext| msg.commit());
    let first = start();
    ready(&first);
    let second = start();
    let partitions = |handle: &rws_kafka_consumer::ConsumerHandle| {
        let status = handle.status();
        (!status.rebalancing).then_some(status.assignment.len())
    };
    soon(|| {
        partitions(&first)
            .zip(partitions(&second))
            .is_some_and(|(a, b)| a + b == 1)
    });
    soon(|| scene.observer.readiness().is_ready());
    stop(&first);
    stop(&second);
}
