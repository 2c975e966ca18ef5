//! Starts and stops of workers and producers that a test expects to succeed.

use rws_kafka::{ConsumerHandle, KafkaProducer};

use crate::wait::SOON;

/// Waits for the first assignment of a worker.
///
/// # Panics
///
/// Panics if the worker has none after [`SOON`].
#[track_caller]
pub fn ready(worker: &ConsumerHandle) {
    assert!(worker.wait_ready(SOON), "{:?}", worker.status());
}

/// Stops a worker.
///
/// # Panics
///
/// Panics if the worker leaves something unfinished or uncommitted.
#[track_caller]
pub fn stop(worker: &ConsumerHandle) {
    let report = worker.stop();
    assert!(report.is_clean(), "{report:?}");
}

/// Closes a producer once everything is delivered.
///
/// # Panics
///
/// Panics if something is not delivered within [`SOON`].
#[track_caller]
pub fn close(producer: &KafkaProducer) {
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
}
