use super::*;
use crate::{ConsumerError, ExactlyOnceConsumer, Outputs};

fn worker(consumer: ExactlyOnceConsumer) -> TestWorker {
    TestWorker::exactly_once(consumer, |msg: ConsumerContext, out: &mut Outputs| {
        out.send_keyed("b", "k", format!("{}#{}", msg.offset(), msg.attempt()))?;
        as_it_says(&msg)
    })
    .unwrap()
}

fn outputs(worker: &TestWorker) -> Vec<String> {
    let outputs = worker.outputs();
    outputs
        .iter()
        .map(|record| record.payload_str().to_owned())
        .collect()
}

#[test]
fn outputs_are_those_of_handlers_that_returned_ok() {
    let consumer = consumer(&["a"])
        .retry_backoff_ms(1000)
        .dead_letter_queue("dlq");
    let mut worker = worker(consumer.exactly_once("id"));
    worker.give_all(["0", "1", "-1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(
        (outputs(&worker), worker.committed("a", 0)),
        (vec!["0#1".to_owned()], Some(1))
    );
    worker.run_to_end();
    assert_eq!(outputs(&worker), ["0#1", "1#2", "3#1"], "{worker}");
    assert_eq!(worker.dead_letter().payload_str(), "-1");
    assert_eq!(worker.committed("a", 0), Some(4));
}

/// With letters the producer accepts larger messages, but handlers have the same limit.
#[test]
fn an_output_that_is_too_large_is_its_messages_failure_with_dead_letters_too() {
    let consumer = consumer(&["a"])
        .dead_letter_queue("dlq")
        .max_retries(0)
        .exactly_once("id");
    let mut worker = TestWorker::exactly_once(consumer, |msg, out| {
        let payload = msg.payload().unwrap_or_default();
        Ok(out.send("b", [payload, payload].concat())?)
    })
    .unwrap();
    let large = vec![b'x'; 2_000_000];
    worker.give_all([&b"1"[..], &large, b"2"].map(|payload| TestMessage::new("a", payload)));
    worker.run_to_end();
    assert!(worker.error().is_none(), "{worker}");
    assert_eq!(outputs(&worker), ["11", "22"], "{worker}");
    let letter = worker.dead_letter();
    assert_eq!(letter.payload().map(<[u8]>::len), Some(large.len()));
    let reason = letter
        .header_str("rws-dlq-error-reason")
        .unwrap_or_default();
    assert!(reason.contains("1000000"), "{reason}");
    assert_eq!(worker.committed("a", 0), Some(3), "{worker}");
}

/// In a transaction the broker reports only at the commit that a message is too large.
#[test]
fn a_letter_close_to_the_size_limit_has_room_in_a_transaction() {
    for batches in [false, true] {
        let consumer = consumer(&["a"]).dead_letter_queue("dlq").exactly_once("id");
        let fails = || HandlerError::new("no such order").permanent();
        let mut worker = match batches {
            false => TestWorker::exactly_once(consumer, move |_, _| Err(fails())),
            true => TestWorker::exactly_once_batch(consumer, move |batch, _| {
                batch.iter().for_each(|msg| batch.fail(msg, fails()));
                Ok(())
            }),
        }
        .unwrap();
        let sizes = [1_000, 1_048_400, 1_048_510, 1_048_588, 2_000_000];
        worker.give_all(sizes.map(|size| TestMessage::new("a", vec![b'x'; size])));
        worker.run_to_end();
        let letters = worker.dead_letters();
        let counts: Vec<usize> = letters.iter().map(|it| it.headers().count()).collect();
        // A message that exceeds the default limit on its own goes to a topic with another limit.
        assert_eq!(counts, [8, 1, 0, 8, 8], "{worker}");
        assert_eq!(worker.committed("a", 0), Some(5), "{worker}");
    }
}

#[test]
fn a_lost_transaction_is_done_again_and_its_outputs_are_there_once() {
    let mut worker = worker(consumer(&["a"]).exactly_once("id"));
    worker.give_all(["0", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    worker.sent().abort_next_transaction();
    worker.give_all(["0", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(outputs(&worker), ["0#1", "1#1", "2#1", "3#1"], "{worker}");
    let attempts = [0, 1, 2, 3].map(|offset| worker.attempts("a", 0, offset));
    assert_eq!(
        (attempts, worker.committed("a", 0)),
        ([1, 1, 2, 2], Some(4)),
        "{worker}"
    );
    assert!(
        worker
            .log()
            .iter()
            .any(|(_, event)| matches!(event, Event::Rewound(_)))
    );
}

#[test]
fn a_killed_process_leaves_nothing_of_its_transaction() {
    let consumer = consumer(&["a"]).retry_backoff_ms(1000);
    let mut worker = worker(consumer.exactly_once("id"));
    worker.give_all(["0", "1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    worker.restart();
    worker.run_to_end();
    assert_eq!(outputs(&worker), ["0#1", "1#2", "2#1"], "{worker}");
    worker.revoke("a", 0);
    assert!(worker.stop().is_clean());
}

#[test]
fn a_full_queue_wait_by_hand_and_fails_no_message() {
    let consumer = consumer(&["a"]).max_retries(0).dead_letter_queue("dlq");
    let mut worker = worker(consumer.exactly_once("id"));
    worker.sent().fail_next(SendFault::QueueFull);
    worker.give(TestMessage::new("a", "0"));
    worker.run();
    assert_eq!(outputs(&worker), ["0#1"], "{worker}");
    assert!(worker.dead_letters().is_empty(), "{worker}");
    assert_eq!(worker.attempts("a", 0, 0), 1);

    worker.sent().fail_all(SendFault::QueueFull);
    worker.give(TestMessage::new("a", "0"));
    worker.run();
    assert!(
        worker.error().is_some(),
        "it does not run for ever: {worker}"
    );
}

#[test]
fn a_producer_that_fails_for_good_is_made_anew_and_its_transaction_done_again() {
    let mut worker = worker(consumer(&["a"]).exactly_once("id"));
    worker.sent().fail_next(SendFault::Fatal);
    worker.give_all(["0", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run_to_end();
    assert_eq!(outputs(&worker), ["0#1", "1#1"], "{worker}");
    assert_eq!(worker.committed("a", 0), Some(2), "{worker}");
    assert_eq!(worker.attempts("a", 0, 0), 2, "{worker}");
}

#[test]
fn an_output_that_is_refused_for_good_stops_the_worker() {
    let mut worker = worker(consumer(&["a"]).exactly_once("id"));
    worker.sent().fail_next(SendFault::UnknownTopic);
    worker.give(TestMessage::new("a", "0"));
    worker.run();
    let error = worker.error();
    assert!(
        matches!(error, Some(ConsumerError::OutputRefused(_))),
        "{worker}"
    );
    assert_eq!(
        (outputs(&worker).len(), worker.committed("a", 0)),
        (0, None)
    );
}

#[test]
fn a_synchronous_commit_is_an_error_and_so_are_settings_that_do_not_fit() {
    let consumer = consumer(&["a"]);
    let refused = TestWorker::exactly_once(consumer.clone().exactly_once(" "), |_, _| Ok(()));
    assert!(matches!(
        refused,
        Err(ConsumerError::Setting {
            setting: "transactional.id",
            ..
        })
    ));
    let consumer = consumer
        .max_retries(0)
        .on_failure(crate::FailurePolicy::Skip);
    let handler = |msg: ConsumerContext, _: &mut Outputs| msg.commit_sync();
    let mut worker = TestWorker::exactly_once(consumer.exactly_once("id"), handler).unwrap();
    worker.give(TestMessage::new("a", ""));
    worker.run();
    assert!(worker.to_string().contains("commit_sync"), "{worker}");
    assert_eq!(worker.committed("a", 0), Some(1));
}
