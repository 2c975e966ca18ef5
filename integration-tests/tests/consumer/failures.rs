//! Handlers that fail.

use integration_tests::{Journal, SOON, Scene, soon, stop};
use rws_kafka_consumer::{Backoff, ConsumerContext, ConsumerError, FailurePolicy, HandlerError};
use std::time::Duration;

fn quickly() -> Backoff {
    Backoff::new(Duration::from_millis(20), Duration::from_millis(100))
}

#[test]
fn a_failed_message_comes_again_before_its_successors() {
    let scene = Scene::new(1);
    scene.fill(5);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .retry_backoff(quickly())
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            match (msg.offset(), msg.attempt()) {
                (2, 1) => return Err(HandlerError::new("no")),
                (2, 2) => panic!("not this time either"),
                (2, 3) => Err::<(), _>("x".parse::<u8>().unwrap_err())?,
                _ => {}
            }
            msg.commit()
        });
    soon(|| scene.committed(0) == Some(5));
    stop(&handle);
    let seen: Vec<(i64, u32)> = journal
        .all()
        .iter()
        .map(|given| (given.offset, given.attempt))
        .collect();
    let expected = [
        (0, 1),
        (1, 1),
        (2, 1),
        (2, 2),
        (2, 3),
        (2, 4),
        (3, 1),
        (4, 1),
    ];
    assert_eq!(seen, expected);
    let page = scene.observer.render();
    let labels = format!("{{group=\"{}\",topic=\"{}\"}}", scene.group, scene.topic);
    for line in [
        format!("rws_kafka_consumer_errors_total{labels} 3"),
        format!("rws_kafka_messages_consumed_total{labels} 5"),
    ] {
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

#[test]
fn other_partitions_go_on_while_one_waits() {
    let scene = Scene::new(3);
    scene.fill(100);
    let journal = Journal::default();
    let notes = journal.clone();
    // One lane for all of them: a wait must not occupy it.
    let handle = scene
        .consumer()
        .retry_backoff(quickly())
        .start(move |msg: ConsumerContext| {
            let others = notes.of(0).len() + notes.of(2).len();
            if msg.partition() == 1 && msg.offset() == 10 && others < 200 {
                return Err(HandlerError::new("the others first"));
            }
            notes.note(&msg);
            msg.commit()
        });
    soon(|| journal.len() >= 300);
    stop(&handle);
    journal.assert_each_once(&[100; 3]);
    assert_eq!(scene.all_committed(), [100; 3]);
}

#[test]
fn a_failing_message_is_given_up_at_a_stop_and_comes_again() {
    let scene = Scene::new(1);
    scene.fill(3);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        // Far longer than the test: the stop does not wait for it.
        .retry_backoff(Backoff::new(
            Duration::from_secs(600),
            Duration::from_secs(600),
        ))
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            if msg.offset() == 1 {
                return Err(HandlerError::new("no"));
            }
            msg.commit()
        });
    soon(|| journal.len() >= 2);
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.unstarted, 2);
    assert_eq!(scene.committed(0), Some(1));

    let notes = journal.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        notes.note(&msg);
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(3));
    stop(&handle);
    assert_eq!(journal.of(0), [0, 1, 1, 2]);
}

/// An error that cannot be shown.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words for it")
    }
}

impl std::error::Error for Unspeakable {}

#[test]
fn an_error_that_panics_when_it_is_shown_is_a_failed_message() {
    let scene = Scene::new(1);
    scene.fill(1);
    let handle = scene
        .consumer()
        .on_failure(FailurePolicy::Stop)
        .max_retries(0)
        .start(|_: ConsumerContext| Err(Unspeakable.into()));
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    // The stop does not wait for messages that are not in flight.
    assert_eq!(report.unfinished, 0);
    let Some(ConsumerError::Failed { reason, .. }) = &report.error else {
        panic!("{report:?}");
    };
    let expected = "Unspeakable panicked when it was shown: no words for it";
    assert!(reason.ends_with(expected), "{reason}");
}
