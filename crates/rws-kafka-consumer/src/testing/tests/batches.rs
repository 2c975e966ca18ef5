use super::*;
use crate::{CircuitBreaker, ConsumerError, MessageBatch, Ordering};

/// Fails `poison` on its own, and the whole batch for `break`.
fn handle(batch: &MessageBatch) -> HandlerResult {
    for msg in batch {
        match msg.payload_str()? {
            "poison" => batch.fail(msg, HandlerError::new("poison").permanent()),
            "late" if msg.attempt() == 1 => batch.fail(msg, HandlerError::new("not yet")),
            "break" => return Err(HandlerError::new("broken")),
            "panic" => panic!("no"),
            _ => {}
        }
    }
    batch.commit()
}

fn worker(consumer: KafkaConsumer) -> TestWorker {
    TestWorker::batch(consumer, handle).unwrap()
}

fn batches(worker: &TestWorker) -> Vec<usize> {
    let log = worker.log().into_iter();
    let batches = log.filter_map(|(_, event)| match event {
        Event::Batch { messages, .. } => Some(messages),
        _ => None,
    });
    batches.collect()
}

#[test]
fn a_batch_comes_when_it_is_full_or_its_wait_is_over() {
    let consumer = consumer(&["a"])
        .batch_max_messages(3)
        .batch_max_wait(Duration::from_millis(40));
    let mut worker = worker(consumer);
    give(&mut worker, &["1", "2", "3", "4"]);
    worker.run();
    assert_eq!(
        (batches(&worker), worker.committed("a", 0)),
        (vec![3], Some(3)),
        "{worker}"
    );
    assert_eq!(worker.next_due(), Some(Duration::from_millis(40)));
    worker.advance(Duration::from_millis(39));
    give(&mut worker, &["5"]);
    worker.run();
    assert_eq!(batches(&worker), [3], "{worker}");
    worker.advance(Duration::from_millis(1));
    assert_eq!(
        (batches(&worker), worker.committed("a", 0)),
        (vec![3, 2], Some(5)),
        "{worker}"
    );
}

#[test]
fn each_message_has_its_own_end() {
    let consumer = consumer(&["a"])
        .batch_max_wait(Duration::ZERO)
        .max_retries(1)
        .retry_backoff_ms(1000)
        .dead_letter_queue("dlq");
    let mut worker = worker(consumer);
    give(&mut worker, &["1", "poison", "late", "4"]);
    worker.run();
    assert_eq!(worker.dead_letter().payload_str(), "poison");
    assert_eq!(worker.committed("a", 0), Some(2), "{worker}");
    worker.advance(SECOND);
    let attempts = [0, 1, 2, 3].map(|offset| worker.attempts("a", 0, offset));
    assert_eq!(
        (attempts, worker.committed("a", 0)),
        ([1, 1, 2, 1], Some(4)),
        "{worker}"
    );

    // A message that fails with others is dead-lettered only if it also fails alone.
    give(&mut worker, &["5", "break", "7"]);
    worker.run_to_end();
    let letters = worker.dead_letters();
    assert_eq!(
        (letters.len(), letters[1].payload_str()),
        (2, "break"),
        "{worker}"
    );
    assert_eq!(worker.committed("a", 0), Some(7), "{worker}");
    give(&mut worker, &["panic"]);
    worker.run_to_end();
    let shown = worker.to_string();
    assert!(
        shown.contains("a-0 offset 7, attempt 1: Err(the handler panicked: no)"),
        "{shown}"
    );
    assert_eq!(
        (worker.dead_letters().len(), worker.committed("a", 0)),
        (3, Some(8))
    );
}

#[test]
fn a_breaker_counts_the_messages_of_a_batch_in_their_order() {
    for in_transactions in [false, true] {
        let consumer = consumer(&["a"])
            .batch_max_wait(Duration::ZERO)
            .dead_letter_queue("dlq")
            .circuit_breaker(CircuitBreaker::consecutive(2));
        let worker = match in_transactions {
            true => TestWorker::exactly_once_batch(consumer.exactly_once("id"), |batch, _| {
                handle(batch)
            }),
            false => TestWorker::batch(consumer, handle),
        };
        let mut worker = worker.unwrap();
        give(
            &mut worker,
            &["0", "poison", "2", "poison", "4", "poison", "6"],
        );
        worker.run();
        assert_eq!(worker.committed("a", 0), Some(7), "{worker}");
        assert_eq!(worker.dead_letters().len(), 3, "{worker}");
        // One too many.
        give(&mut worker, &["7", "poison", "poison", "10"]);
        worker.run();
        assert!(
            matches!(
                worker.error(),
                Some(ConsumerError::CircuitOpen { offset: 9, .. })
            ),
            "{worker}"
        );
    }
}

#[test]
fn a_batch_of_all_that_there_is_room_for_does_not_wait() {
    let config = crate::ConsumerConfig::from(config()).max_in_flight(4);
    let consumer = KafkaConsumer::new(config)
        .unwrap()
        .subscribe(["a"])
        .unwrap();
    let mut worker = worker(consumer.batch_max_wait(SECOND));
    give(&mut worker, &["1", "2", "3", "4", "5"]);
    worker.run();
    assert_eq!(batches(&worker), [4], "{worker}");
    worker.revoke("a", 0);
    assert_eq!(
        (worker.next_due(), worker.committed("a", 0)),
        (None, Some(4)),
        "{worker}"
    );
    worker.assign("a", [0]);
    worker.run_to_end();
    assert_eq!(
        (batches(&worker), worker.committed("a", 0)),
        (vec![4, 1], Some(5)),
        "{worker}"
    );
}

#[test]
fn outputs_of_a_batch_are_committed_with_its_offsets() {
    let consumer = consumer(&["a"])
        .batch_max_wait(Duration::ZERO)
        .exactly_once("id");
    let mut worker = TestWorker::exactly_once_batch(consumer, |batch, out| {
        out.send("b", batch.len().to_string())?;
        handle(batch)
    })
    .unwrap();
    give(&mut worker, &["1", "2"]);
    worker.sent().abort_next_transaction();
    worker.run();
    let outputs = worker.outputs();
    let payloads: Vec<&str> = outputs.iter().map(SentRecord::payload_str).collect();
    assert_eq!(
        (payloads, worker.committed("a", 0)),
        (vec!["2"], Some(2)),
        "{worker}"
    );
    assert_eq!(worker.attempts("a", 0, 1), 2);
}

#[test]
fn what_a_batch_is_not_for_is_refused() {
    let refused = TestWorker::batch(consumer(&["a"]).ordering(Ordering::Key), handle);
    assert!(matches!(
        refused,
        Err(ConsumerError::Setting {
            setting: "ordering",
            ..
        })
    ));
}

/// A lane that retried such a batch without a pause would be lost to all others.
#[test]
#[should_panic(expected = "the run does not end")]
fn retries_of_a_batch_without_a_pause_let_others_go_first() {
    let consumer = consumer(&["a"]).batch_max_wait(Duration::ZERO);
    let consumer = consumer.retry_backoff_ms(0);
    let busy = |_: &MessageBatch| Err(HandlerError::new("busy"));
    let mut worker = TestWorker::batch(consumer, busy).unwrap();
    worker.give(TestMessage::new("a", ""));
    worker.run();
}
