//! A user's code that panics in unexpected places.

use super::*;
use crate::{FailurePolicy, MessageBatch};
use std::fmt;
use std::panic::panic_any;

/// Panics when it is dropped, and so does its panic payload, this many times.
struct Bomb(usize);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(rest) = self.0.checked_sub(1) {
            panic_any(Self(rest));
        }
    }
}

/// An error that panics when it is dropped or shown.
#[derive(Debug)]
struct Explosive {
    when_shown: bool,
}

impl fmt::Display for Explosive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.when_shown, "it cannot be shown");
        f.write_str("explosive")
    }
}

impl std::error::Error for Explosive {}

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("it cannot be dropped");
    }
}

fn explode(how: &str) -> HandlerResult {
    match how {
        "payload" => panic_any(Bomb(3)),
        "drop" => Err(Explosive { when_shown: false }.into()),
        "show" => Err(Explosive { when_shown: true }.into()),
        _ => Ok(()),
    }
}

const HOW: [&str; 4] = ["payload", "drop", "show", "fine"];

/// All four messages are finished, and the worker continues.
fn assert_alive(worker: &TestWorker) {
    assert!(worker.error().is_none(), "{worker}");
    assert_eq!(worker.committed("a", 0), Some(4), "{worker}");
    let reasons: Vec<String> = worker
        .dead_letters()
        .iter()
        .filter_map(|letter| letter.header_str("rws-dlq-error-reason").map(str::to_owned))
        .collect();
    let [payload, dropped, shown] = &reasons[..] else {
        panic!("three dead letters were to be there: {worker}");
    };
    assert_eq!(payload, "the handler panicked: no message");
    assert_eq!(dropped, "explosive");
    assert!(
        shown.ends_with("panicked when it was shown: it cannot be shown"),
        "{shown}"
    );
}

#[test]
fn a_payload_or_an_error_that_panics_again_is_one_failed_message() {
    let consumer = consumer(&["a"]).max_retries(0).dead_letter_queue("dlq");
    let mut worker = TestWorker::new(consumer, |msg: ConsumerContext| {
        explode(msg.payload_str()?)?;
        msg.commit()
    })
    .unwrap();
    give(&mut worker, &HOW);
    worker.run();
    assert_alive(&worker);
}

#[test]
fn so_it_is_in_a_batch() {
    let consumer = || {
        consumer(&["a"])
            .batch_max_wait(Duration::ZERO)
            .max_retries(0)
            .dead_letter_queue("dlq")
    };
    let all = |batch: &MessageBatch| {
        for msg in batch {
            explode(msg.payload_str()?)?;
        }
        batch.commit()
    };
    let each = |batch: &MessageBatch| {
        for msg in batch {
            match msg.payload_str()? {
                "payload" if batch.len() == 1 => panic_any(Bomb(3)),
                "payload" => return explode("payload"),
                how => {
                    if let Err(error) = explode(how) {
                        batch.fail(msg, error);
                    }
                }
            }
        }
        batch.commit()
    };
    let mut worker = TestWorker::batch(consumer(), all).unwrap();
    give(&mut worker, &HOW);
    worker.run_to_end();
    assert_alive(&worker);
    let mut worker = TestWorker::batch(consumer(), each).unwrap();
    give(&mut worker, &HOW);
    worker.run_to_end();
    assert_alive(&worker);
}

#[test]
fn so_it_is_in_a_transaction() {
    let consumer = consumer(&["a"])
        .max_retries(0)
        .dead_letter_queue("dlq")
        .exactly_once("id");
    let mut worker =
        TestWorker::exactly_once(consumer, |msg, _| explode(msg.payload_str()?)).unwrap();
    give(&mut worker, &HOW);
    worker.run();
    assert_alive(&worker);
}

#[test]
fn hooks_and_classes_that_panic_with_such_a_payload_do_no_harm() {
    let consumer = consumer(&["a"])
        .max_retries(0)
        .on_failure(FailurePolicy::Skip)
        .classify_errors(|_| panic_any(Bomb(3)))
        .on_assign(|_| panic_any(Bomb(3)))
        .on_revoke(|_| panic_any(Bomb(3)));
    let mut worker = TestWorker::new(consumer, |_| Err(HandlerError::new("busy"))).unwrap();
    give(&mut worker, &["1"]);
    worker.run();
    worker.stop();
    assert!(worker.error().is_none(), "{worker}");
    assert_eq!(worker.committed("a", 0), Some(1), "{worker}");
}
