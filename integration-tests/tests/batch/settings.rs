//! The errors of a worker that cannot handle batches.

use rws_kafka_consumer::{
    ConsumerConfig, ConsumerContext, ConsumerError, ConsumerHandle, KafkaConsumer, MessageBatch,
    Ordering,
};
use rws_kafka_observe::Observer;
use std::time::Duration;

fn consumer() -> KafkaConsumer {
    let config = ConsumerConfig::new("localhost:1", "group").unwrap();
    KafkaConsumer::new(config.observer(Observer::new()))
        .and_then(|consumer| consumer.subscribe(["topic"]))
        .unwrap()
}

/// Asserts that the error names the setting and contains `says`.
#[track_caller]
fn assert_refused(started: Result<ConsumerHandle, ConsumerError>, setting: &str, says: &str) {
    let error = started.unwrap_err();
    let ConsumerError::Setting { setting: told, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*told, setting);
    assert!(error.to_string().contains(says), "{error}");
}

fn handle(batch: &MessageBatch) -> rws_kafka_consumer::HandlerResult {
    batch.commit()
}

#[test]
fn a_batch_is_a_run_of_a_partition() {
    for ordering in [Ordering::Key, Ordering::None] {
        let started = consumer().ordering(ordering).try_start_batch(handle);
        assert_refused(started, "ordering", "start_batch needs Ordering::Partition");
    }
    let exactly_once = consumer().ordering(Ordering::Key).exactly_once("id");
    let started = exactly_once.try_start_batch(|_, _| Ok(()));
    assert_refused(started, "ordering", "Ordering::Partition");
}

#[test]
fn a_bound_is_one_at_least() {
    let started = consumer().batch_max_messages(0).try_start_batch(handle);
    assert_refused(started, "batch_max_messages", "is 0");
    let started = consumer().batch_max_bytes(0).try_start_batch(handle);
    assert_refused(started, "batch_max_bytes", "is 0");
}

#[test]
fn a_wait_that_readiness_takes_for_a_standstill_is_refused() {
    let wait = Duration::from_secs(3600);
    let started = consumer().batch_max_wait(wait).try_start_batch(handle);
    assert_refused(started, "batch_max_wait", "readyz_lag_timeout");
    let joined = consumer().batch_max_wait(wait).start_batch(handle).join();
    let error = joined.error.clone().expect("it could not start");
    assert!(error.to_string().contains("is 3600s"), "{error}");
}

#[test]
fn a_handler_of_single_messages_has_no_bounds_of_batches() {
    let each = |msg: ConsumerContext| msg.commit();
    for (setting, consumer) in [
        ("batch_max_messages", consumer().batch_max_messages(10)),
        ("batch_max_bytes", consumer().batch_max_bytes(10)),
        ("batch_max_wait", consumer().batch_max_wait(Duration::ZERO)),
    ] {
        assert_refused(consumer.clone().try_start(each), setting, "use start_batch");
        let exactly_once = consumer.exactly_once("id");
        let started = exactly_once.try_start(|_, _| Ok(()));
        assert_refused(started, setting, "use start_batch");
    }
}
