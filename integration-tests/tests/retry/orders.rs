//! A message's way through the topics, under each order and protocol.

use crate::support::{Journal, Scene, as_told};
use integration_tests::{soon, stop};
use rws_kafka_consumer::{FailurePolicy, GroupProtocol, HandlerError, Ordering};
use std::time::Duration;

const DELAYS: [u64; 2] = [300, 700];

/// 60 messages that fail 0 to 3 times each, where two retries are all there is.
fn each_is_handled_as_often_as_it_needs(ordering: Ordering, protocol: GroupProtocol) {
    let scene = Scene::new(3);
    let journal = Journal::default();
    let config = match protocol {
        GroupProtocol::Classic => scene.config(),
        _ => rws_kafka_consumer::ConsumerConfig::new(scene.kafka.bootstrap(), &scene.group)
            .expect("valid settings")
            .observer(scene.observer.clone())
            .group_protocol(protocol),
    };
    let names: Vec<String> = (0..60).map(|it| format!("{}-{it}", it % 4)).collect();
    scene.send(&names);
    let handle = scene
        .consumer_of(config)
        .retry_topics(DELAYS.map(Duration::from_millis))
        .dead_letter_queue("{topic}.dlq")
        .ordering(ordering)
        .concurrency(4)
        .start(as_told(&journal));
    let retries = DELAYS.map(|delay| scene.retry(delay));
    soon(|| journal.len() == 15 + 15 * 2 + 15 * 3 + 15 * 3);
    soon(|| scene.is_committed(&scene.topic));
    soon(|| retries.iter().all(|retry| scene.is_committed(retry)));
    stop(&handle);

    journal.assert_none_was_early();
    for name in &names {
        let fails: usize = name[..1].parse().unwrap();
        let given = journal.of(name);
        let topics: Vec<&str> = given.iter().map(|given| given.topic.as_str()).collect();
        let path = [&scene.topic, &retries[0], &retries[1]].map(String::as_str);
        assert_eq!(topics, path[..given.len()]);
        assert_eq!(given.len(), (fails + 1).min(3), "{given:?}");
        for (attempt, given) in (1..).zip(&given) {
            assert_eq!(given.attempt, attempt);
        }
        // The delay is one from the failure on, too.
        for (pair, delay) in given.windows(2).zip(DELAYS) {
            assert!(pair[1].at_ms >= pair[0].at_ms + delay as i64, "{pair:?}");
        }
    }
    let mut letters: Vec<String> = scene
        .kafka
        .read(&scene.queue)
        .iter()
        .map(|it| it.payload_text())
        .collect();
    letters.sort();
    let mut expected: Vec<&String> = names.iter().filter(|name| name.starts_with('3')).collect();
    expected.sort();
    assert_eq!(letters.iter().collect::<Vec<_>>(), expected);
    let put_off = "rws_kafka_consumer_delayed_retries_total";
    assert_eq!(scene.counted(put_off, &scene.topic), 45);
    assert_eq!(scene.counted(put_off, &retries[0]), 30);
    assert_eq!(scene.counted(put_off, &retries[1]), 0);
    let dead = "rws_kafka_dead_letters_total";
    assert_eq!(scene.counted(dead, &scene.topic), 15);
    assert_eq!(scene.counted(dead, &retries[1]), 0);
}

#[test]
fn each_is_handled_as_often_as_it_needs_in_the_order_of_partitions() {
    each_is_handled_as_often_as_it_needs(Ordering::Partition, GroupProtocol::Classic);
}

#[test]
fn each_is_handled_as_often_as_it_needs_in_the_order_of_keys() {
    each_is_handled_as_often_as_it_needs(Ordering::Key, GroupProtocol::Classic);
}

#[test]
fn each_is_handled_as_often_as_it_needs_in_no_order() {
    each_is_handled_as_often_as_it_needs(Ordering::None, GroupProtocol::Classic);
}

#[test]
fn each_is_handled_as_often_as_it_needs_where_the_broker_assigns() {
    each_is_handled_as_often_as_it_needs(Ordering::Partition, GroupProtocol::Consumer);
}

#[test]
fn retries_in_place_come_first_in_each_topic_and_attempts_count_on() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    scene.send(["9"]);
    let handle = scene
        .consumer(&[200])
        .max_retries(2)
        .retry_backoff_ms(10)
        .start(as_told(&journal));
    soon(|| scene.records(&scene.queue) == 1);
    stop(&handle);
    let given = journal.all();
    let found: Vec<(u32, bool)> = given
        .iter()
        .map(|given| (given.attempt, given.topic == scene.topic))
        .collect();
    let expected = [1, 2, 3, 4, 5, 6].map(|attempt| (attempt, attempt <= 3));
    assert_eq!(found, expected);
    assert_eq!(
        scene.kafka.read(&scene.queue)[0].header_texts("rws-dlq-attempts"),
        ["6"]
    );
}

#[test]
fn an_error_that_no_retry_helps_goes_to_the_queue_at_once() {
    let scene = Scene::new(1);
    scene.send(["poison", "good"]);
    let handle = scene
        .consumer(&[200])
        .start(|msg| match msg.payload_str()? {
            "good" => msg.commit(),
            other => Err(HandlerError::new(other).permanent()),
        });
    soon(|| scene.records(&scene.queue) == 1 && scene.is_committed(&scene.topic));
    stop(&handle);
    let letter = &scene.kafka.read(&scene.queue)[0];
    assert_eq!(letter.header_texts("rws-dlq-attempts"), ["1"]);
    assert_eq!(scene.records(&scene.retry(200)), 0);
}

#[test]
fn what_still_fails_after_the_last_delay_is_passed_over_where_that_is_asked_for() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    scene.send(["9"]);
    let handle = scene
        .consumer_of(scene.config())
        .retry_topics([Duration::from_millis(100)])
        .on_failure(FailurePolicy::Skip)
        .start(as_told(&journal));
    soon(|| scene.counted("rws_kafka_messages_skipped_total", &scene.topic) == 1);
    let retry = scene.retry(100);
    soon(|| scene.is_committed(&retry) && scene.is_committed(&scene.topic));
    stop(&handle);
    assert_eq!(journal.len(), 2);
}

#[test]
fn the_worker_stops_after_the_last_delay_where_that_is_asked_for() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    scene.send(["9"]);
    let handle = scene
        .consumer_of(scene.config())
        .retry_topics([Duration::from_millis(100)])
        .on_failure(FailurePolicy::Stop)
        .start(as_told(&journal));
    let report = handle
        .join_timeout(2 * integration_tests::SOON)
        .expect("it ends");
    let error = report.error.clone().expect("a reason").to_string();
    let retry = scene.retry(100);
    let expected = format!("at {retry}-0 offset 0 failed 2 times: busy");
    assert!(error.contains(&expected), "{error}");
    assert!(scene.is_committed(&scene.topic));
    assert_eq!(scene.kafka.committed_offset(&scene.group, &retry, 0), None);
}

/// Nothing is dead-lettered. Even messages that fail permanently do not hold up the topic.
#[test]
fn without_a_queue_what_still_fails_waits_in_the_last_retry_topic() {
    let scene = Scene::new(1);
    scene.send(["permanent", "busy", "good"]);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer_of(scene.config())
        .retry_topics([Duration::from_millis(100)])
        .retry_backoff_ms(50)
        .start(move |msg| {
            notes.note(&msg);
            match msg.payload_str()? {
                "permanent" if msg.attempt() < 6 => Err(HandlerError::new("permanent").permanent()),
                "busy" if msg.attempt() < 3 => Err(HandlerError::new("busy")),
                _ => msg.commit(),
            }
        });
    soon(|| scene.is_committed(&scene.topic));
    let retry = scene.retry(100);
    soon(|| journal.of("busy").len() == 3 && scene.is_committed(&retry));
    stop(&handle);
    let attempts = |payload| {
        journal
            .of(payload)
            .iter()
            .map(|it| it.attempt)
            .collect::<Vec<_>>()
    };
    assert_eq!(attempts("permanent"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(attempts("busy"), [1, 2, 3]);
    assert_eq!(attempts("good"), [1]);
}
