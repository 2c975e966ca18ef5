//! When a message that was moved to a retry topic is handled.

use crate::support::{HOUR, Journal, Scene, as_told};
use integration_tests::{SOON, now_ms, ready, soon, stop, unique};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_producer::Record;
use std::time::Duration;

#[test]
fn a_delay_goes_on_over_a_restart_and_a_stop_does_not_wait_for_it() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    scene.send(["1"]);
    let retry = scene.retry(8000);
    let handle = scene.consumer(&[8000]).start(as_told(&journal));
    soon(|| scene.is_committed(&scene.topic) && scene.records(&retry) == 1);
    // It is fetched, and waits.
    let status = || handle.status().fetched();
    soon(|| status() == 1);
    let report = handle.stop();
    assert!(report.is_clean() && report.unstarted == 1, "{report:?}");
    assert_eq!(journal.len(), 1);

    let handle = scene.consumer(&[8000]).start(as_told(&journal));
    soon(|| scene.is_committed(&retry));
    stop(&handle);
    journal.assert_none_was_early();
    let given = journal.all();
    assert_eq!(given.len(), 2, "{given:?}");
    assert_eq!((given[1].attempt, &given[1].topic), (2, &retry));
    let due = given[1].due_ms.expect("a header");
    assert!(due >= given[0].at_ms + 8000, "{given:?}");
}

#[test]
fn a_stop_and_a_rebalance_let_go_of_what_waits_for_an_hour() {
    let scene = Scene::new(2);
    let journal = Journal::default();
    scene.send(["1-a", "1-b", "1-c", "1-d"]);
    let hour = HOUR.as_millis() as u64;
    let first = scene.consumer(&[hour]).start(as_told(&journal));
    soon(|| scene.is_committed(&scene.topic) && first.status().fetched() == 4);
    // The second worker takes over half of them, and also waits.
    let second = scene.consumer(&[hour]).start(as_told(&journal));
    ready(&second);
    let held = || first.status().fetched() + second.status().fetched();
    soon(|| second.status().assignment.len() == 2 && held() == 4);
    for handle in [first, second] {
        stop(&handle);
    }
    assert_eq!(journal.len(), 4);
}

#[test]
fn what_waits_is_not_waited_for_longer_than_the_delay_of_its_topic() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    let retry = scene.retry(700);
    scene.kafka.create_topic(&retry, 1);
    // By a clock that is an hour ahead.
    let due = (now_ms() + HOUR.as_millis() as i64).to_be_bytes();
    let record = Record::to(&retry).payload("0");
    scene.send_record(record.header("retry_topic-backoff-timestamp", &due));
    let sent_at = now_ms();
    let handle = scene.consumer(&[700]).start(as_told(&journal));
    soon(|| scene.is_committed(&retry));
    stop(&handle);
    let given = journal.all();
    assert_eq!(given.len(), 1);
    assert!(given[0].at_ms >= sent_at + 700, "{given:?}");
    assert!(Some(given[0].at_ms) < given[0].due_ms, "{given:?}");
}

/// A message that is moved to a retry topic just before the group first commits there.
#[test]
fn a_group_that_begins_at_the_end_reads_its_retry_topics_from_their_beginnings() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    let retry = scene.retry(100);
    scene.kafka.create_topic(&retry, 1);
    scene.send(["passed by"]);
    scene.send_record(Record::to(&retry).payload("0-first"));
    let consumer = || {
        let config = scene.config().property("auto.offset.reset", "latest");
        scene
            .consumer_of(config)
            .retry_topics([Duration::from_millis(100)])
            .dead_letter_queue("{topic}.dlq")
    };
    let handle = consumer().start(as_told(&journal));
    soon(|| scene.is_committed(&retry));
    stop(&handle);
    scene.send_record(Record::to(&retry).payload("0-second"));
    // From what is committed, then.
    let handle = consumer().start(as_told(&journal));
    soon(|| journal.len() >= 2 && scene.is_committed(&retry));
    stop(&handle);
    let payloads: Vec<String> = journal.all().into_iter().map(|it| it.payload).collect();
    assert_eq!(payloads, ["0-first", "0-second"]);
}

/// An open transaction hides the committed offset, for longer than one lookup takes.
#[test]
fn a_group_that_begins_at_the_end_waits_to_know_what_is_committed_of_its_retry_topics() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    let retry = scene.retry(100);
    scene.kafka.create_topic(&retry, 1);
    let consumer = || {
        let config = scene.config().property("auto.offset.reset", "latest");
        scene
            .consumer_of(config)
            .retry_topics([Duration::from_millis(100)])
            .dead_letter_queue("{topic}.dlq")
    };
    scene.send_record(Record::to(&retry).payload("0-first"));
    let handle = consumer().start(as_told(&journal));
    soon(|| scene.is_committed(&retry));
    stop(&handle);

    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.plain_bootstrap())
        .set("transactional.id", unique("transactions"))
        .create()
        .expect("a producer");
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.plain_bootstrap())
        .set("group.id", &scene.group)
        .create()
        .expect("a consumer");
    producer.init_transactions(SOON).expect("a producer id");
    producer.begin_transaction().expect("a transaction");
    let mut offsets = TopicPartitionList::new();
    let added = offsets.add_partition_offset(&retry, 0, Offset::Offset(1));
    added.expect("an offset");
    let group = member.group_metadata().expect("a group");
    let sent = producer.send_offsets_to_transaction(&offsets, &group, SOON);
    sent.expect("offsets in the transaction");

    let handle = consumer().start(as_told(&journal));
    soon(|| {
        let error = handle.status().last_error;
        error.is_some_and(|error| {
            error
                .to_string()
                .contains("the committed offsets of the retry topics are unknown")
        })
    });
    producer.abort_transaction(SOON).expect("an abort");
    scene.send_record(Record::to(&retry).payload("0-second"));
    soon(|| journal.of("0-second").len() == 1 && scene.is_committed(&retry));
    stop(&handle);
    let payloads: Vec<String> = journal.all().into_iter().map(|it| it.payload).collect();
    assert_eq!(payloads, ["0-first", "0-second"]);
}
