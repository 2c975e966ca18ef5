//! Workers that stop before they dead-letter too much.

use crate::dead_letters::Poisoned;
use integration_tests::{Kafka, SOON, Scene};
use rws_kafka_consumer::{
    CircuitBreaker, ConsumerContext, ConsumerError, FailurePolicy, HandlerError,
};
use rws_kafka_observe::ConsumerState;

#[test]
fn a_breaker_stops_the_worker_before_the_topic_is_emptied() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    poisoned.scene.fill(50);
    let handle = poisoned
        .consumer()
        .circuit_breaker(CircuitBreaker::consecutive(5))
        .start(|_: ConsumerContext| Err(HandlerError::new("the database is gone").permanent()));
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let Some(ConsumerError::CircuitOpen { offset, reason, .. }) = &report.error else {
        panic!("{report:?}");
    };
    assert_eq!((*offset, reason.as_str()), (4, "the database is gone"));
    assert_eq!((report.unfinished, report.uncommitted), (0, 0));
    assert!(report.left_group && !report.is_clean());
    assert_eq!(poisoned.letters().len(), 4);
    assert_eq!(poisoned.scene.committed(0), Some(4));
    let readiness = poisoned.scene.observer.readiness();
    assert_eq!(readiness.consumer(), Some(ConsumerState::Stalled));
    let text = report.error.clone().unwrap().to_string();
    assert!(text.contains("5 in a row"), "{text}");
}

/// Successes in between count, in their order.
#[test]
fn a_breaker_for_a_run_does_not_break_at_failures_that_are_none() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    poisoned.scene.fill(300);
    let handle = poisoned
        .consumer()
        .circuit_breaker(CircuitBreaker::consecutive(2))
        .start(|msg: ConsumerContext| {
            if msg.offset() % 2 == 0 && msg.offset() < 200 || msg.offset() >= 250 {
                return Err(HandlerError::new("no").permanent());
            }
            msg.commit()
        });
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let Some(ConsumerError::CircuitOpen { offset, .. }) = report.error.clone() else {
        panic!("{report:?}");
    };
    assert_eq!(offset, 251);
    assert_eq!(poisoned.letters().len(), 101);
}

#[test]
fn a_breaker_counts_what_is_passed_over() {
    let scene = Scene::new(1);
    scene.fill(100);
    let handle = scene
        .consumer()
        .on_failure(FailurePolicy::Skip)
        .max_retries(0)
        .circuit_breaker(CircuitBreaker::rate(0.5, 20))
        .start(|msg: ConsumerContext| {
            // A third fails for longer than the window, then all.
            if msg.offset() % 3 == 0 || msg.offset() >= 80 {
                return Err(HandlerError::new("no"));
            }
            msg.commit()
        });
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let Some(ConsumerError::CircuitOpen { offset, .. }) = report.error.clone() else {
        panic!("{report:?}");
    };
    assert!((82..95).contains(&offset), "{offset}");
    assert_eq!(scene.committed(0), Some(offset));
}
