//! Handlers that ask for no commit, and workers in which they need not.

use super::logs::logged;
use super::*;
use crate::{MessageBatch, Ordering};

const WARNING: &str = "handlers return Ok without calling commit";

fn warnings(events: &[String]) -> Vec<&String> {
    let warnings = events.iter().filter(|event| event.contains(WARNING));
    warnings.collect()
}

fn unasked(worker: &TestWorker) -> u64 {
    worker.status().handled_without_commit
}

#[test]
fn ok_without_a_commit_is_warned_of_once() {
    let events = logged(|| {
        let mut worker = TestWorker::new(consumer(&["a"]), |_| Ok(())).unwrap();
        give(&mut worker, &["1", "2"]);
        worker.advance(9 * SECOND);
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (None, 2));
        assert!(worker.to_string().contains(WARNING), "{worker}");
        worker.advance(2 * SECOND);
        give(&mut worker, &["3"]);
        worker.advance(60 * SECOND);
        assert_eq!(unasked(&worker), 3);
        worker.stop();
    });
    let warnings = warnings(&events);
    assert_eq!(warnings.len(), 1, "{events:?}");
    for part in [
        "WARN",
        "topic=\"a\"",
        "messages=2",
        "group=",
        "commit_on_ok",
    ] {
        assert!(warnings[0].contains(part), "{warnings:?} has no {part}");
    }
}

#[test]
fn a_worker_that_stops_early_warns_at_its_end() {
    let events = logged(|| {
        let mut worker = TestWorker::new(consumer(&["a"]), |_| Ok(())).unwrap();
        give(&mut worker, &["1"]);
        worker.run();
        worker.stop();
    });
    assert_eq!(warnings(&events).len(), 1, "{events:?}");
}

#[test]
fn batches_without_a_commit_are_warned_of_too() {
    let events = logged(|| {
        let consumer = consumer(&["a"]).batch_max_wait(Duration::ZERO);
        let mut worker = TestWorker::batch(consumer, |_: &MessageBatch| Ok(())).unwrap();
        give(&mut worker, &["1", "2"]);
        worker.run();
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (None, 2));
        worker.advance(11 * SECOND);
    });
    assert_eq!(warnings(&events).len(), 1, "{events:?}");
}

#[test]
fn who_commits_some_or_later_or_needs_not_to_is_not_warned() {
    let events = logged(|| {
        // The last one also commits those before it.
        let mut worker = TestWorker::new(consumer(&["a"]), |msg: ConsumerContext| {
            match msg.payload_str()? {
                "last" => msg.commit(),
                _ => Ok(()),
            }
        })
        .unwrap();
        give(&mut worker, &["1", "2", "last", "4"]);
        worker.run();
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (Some(3), 0));
        worker.advance(60 * SECOND);

        // Another thread commits.
        let kept = Seen::<ConsumerContext>::default();
        let keep = Arc::clone(&kept);
        let mut worker = TestWorker::new(consumer(&["a"]), move |msg| {
            keep.lock().push(msg);
            Ok(())
        })
        .unwrap();
        give(&mut worker, &["1", "2"]);
        worker.advance(SECOND);
        kept.lock().iter().for_each(|msg| msg.commit().unwrap());
        worker.advance(60 * SECOND);
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (Some(2), 0));

        // Offsets are committed together with the outputs.
        let mut worker =
            TestWorker::exactly_once(consumer(&["a"]).exactly_once("id"), |_, _| Ok(())).unwrap();
        give(&mut worker, &["1", "2"]);
        worker.advance(60 * SECOND);
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (Some(2), 0));
        let batches = consumer(&["a"])
            .batch_max_wait(Duration::ZERO)
            .exactly_once("id");
        let mut worker = TestWorker::exactly_once_batch(batches, |_, _| Ok(())).unwrap();
        give(&mut worker, &["1"]);
        worker.run();
        give(&mut worker, &["2", "3"]);
        worker.advance(60 * SECOND);
        assert_eq!((worker.committed("a", 0), unasked(&worker)), (Some(3), 0));

        // No handler returns `Ok`.
        let mut worker =
            TestWorker::new(consumer(&["a"]), |_| Err(HandlerError::new("busy"))).unwrap();
        give(&mut worker, &["1"]);
        worker.advance(60 * SECOND);
        assert_eq!(unasked(&worker), 0);
    });
    assert_eq!(warnings(&events).len(), 0, "{events:?}");
}

#[test]
fn ok_commits_where_it_is_to() {
    let events = logged(|| {
        let each = |msg: ConsumerContext| match msg.payload_str()? {
            "fails" => Err(HandlerError::new("no")),
            _ => Ok(()),
        };
        let commits = || consumer(&["a"]).commit_on_ok().retry_backoff_ms(1000);
        let mut worker = TestWorker::new(commits(), each).unwrap();
        give(&mut worker, &["1", "2", "fails", "4"]);
        worker.advance(60 * SECOND);
        // Never past an unfinished message.
        assert_eq!(worker.committed("a", 0), Some(2), "{worker}");

        let by_key = commits().ordering(Ordering::Key);
        let mut worker = TestWorker::new(by_key, each).unwrap();
        worker.give(TestMessage::new("a", "fails").key("x"));
        worker.give(TestMessage::new("a", "2").key("y"));
        worker.run();
        assert_eq!(worker.committed("a", 0), None, "{worker}");

        let batches = commits().batch_max_wait(Duration::ZERO);
        let mut worker = TestWorker::batch(batches, |batch: &MessageBatch| {
            for msg in batch {
                if msg.payload_str()? == "fails" {
                    batch.fail(msg, HandlerError::new("no"));
                }
            }
            Ok(())
        })
        .unwrap();
        give(&mut worker, &["1", "2", "fails", "4"]);
        worker.run();
        assert_eq!(worker.committed("a", 0), Some(2), "{worker}");
    });
    assert_eq!(warnings(&events).len(), 0, "{events:?}");
}
