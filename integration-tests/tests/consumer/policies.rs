//! Failed messages without a dead letter queue.

use integration_tests::{Journal, SOON, Scene, soon, stop};
use rws_kafka_consumer::{
    Backoff, ConsumerContext, ConsumerError, ErrorClass, FailurePolicy, HandlerError, KafkaConsumer,
};
use std::time::Duration;

fn quick(consumer: KafkaConsumer) -> KafkaConsumer {
    consumer.retry_backoff(Backoff::fixed(Duration::from_millis(10)))
}

/// Handles everything except the message at offset 2.
fn picky(
    journal: &Journal,
) -> impl Fn(ConsumerContext) -> rws_kafka_consumer::HandlerResult + Send + Sync + 'static {
    let journal = journal.clone();
    move |msg: ConsumerContext| {
        journal.note(&msg);
        if msg.offset() == 2 {
            return Err(HandlerError::new("not this one"));
        }
        msg.commit()
    }
}

#[test]
fn a_failing_message_is_passed_over_where_that_is_asked_for() {
    let scene = Scene::new(1);
    scene.fill(5);
    let journal = Journal::default();
    let handle = quick(scene.consumer())
        .on_failure(FailurePolicy::Skip)
        .max_retries(1)
        .start(picky(&journal));
    soon(|| scene.committed(0) == Some(5));
    stop(&handle);
    assert_eq!(journal.of(0), [0, 1, 2, 2, 3, 4]);
    let page = scene.observer.render();
    let series = format!(
        "rws_kafka_messages_skipped_total{{group=\"{}\",topic=\"{}\"}} 1\n",
        scene.group, scene.topic
    );
    assert!(page.contains(&series), "{page}");
}

#[test]
fn a_failing_message_that_is_the_last_one_moves_the_offset_when_it_is_passed_over() {
    let scene = Scene::new(1);
    scene.fill(3);
    let handle = quick(scene.consumer())
        .on_failure(FailurePolicy::Skip)
        .max_retries(0)
        .start(picky(&Journal::default()));
    soon(|| scene.committed(0) == Some(3));
    stop(&handle);
}

#[test]
fn a_failing_message_stops_the_worker_where_that_is_asked_for_and_comes_again() {
    let scene = Scene::new(1);
    scene.fill(5);
    let journal = Journal::default();
    let handle = quick(scene.consumer())
        .on_failure(FailurePolicy::Stop)
        .max_retries(2)
        .start(picky(&journal));
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let error = report.error.as_ref().unwrap();
    let expected = format!(
        "stopped by the failure policy: the message at {}-0 offset 2 failed 3 times: not this \
         one",
        scene.topic
    );
    assert_eq!(error.to_string(), expected);
    assert!(!error.is_retriable());
    assert!(report.left_group && report.unfinished == 0, "{report:?}");
    assert_eq!(scene.committed(0), Some(2));
    assert!(!scene.observer.readiness().is_ready());
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.committed(0) == Some(5));
    stop(&handle);
}

#[test]
fn a_fatal_error_stops_the_worker_whatever_the_policy() {
    let scene = Scene::new(1);
    scene.fill(5);
    let handle = scene
        .consumer()
        .classify_errors(|_| ErrorClass::Fatal)
        .start(picky(&Journal::default()));
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    assert!(
        matches!(
            report.error,
            Some(ConsumerError::Failed {
                offset: 2,
                attempts: 1,
                ..
            })
        ),
        "{report:?}"
    );
}

/// The first wait is short, the next ones grow; none of them occupies the only lane.
#[test]
fn waits_grow_and_hold_up_only_their_own_partition() {
    let scene = Scene::new(2);
    scene.fill(1);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .retry_backoff(
            Backoff::new(Duration::from_millis(5), Duration::from_secs(3600)).multiplier(30.0),
        )
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            match msg.partition() {
                0 => Err(HandlerError::new("never")),
                _ => msg.commit(),
            }
        });
    // 5 ms, 150 ms, 4.5 s: within this wait there are three attempts.
    soon(|| journal.of(0).len() == 3);
    scene.fill_partitions(1..2, 500);
    soon(|| scene.committed(1) == Some(501));
    assert_eq!(journal.of(0).len(), 3);
    stop(&handle);
}
