use super::*;
use crate::{ConsumerError, MessageBatch, Ordering};
use fastrand::Rng;

/// `poison` fails by itself, `break` with all that are with it.
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

fn give(worker: &mut TestWorker, payloads: &[&str]) {
    worker.give_all(
        payloads
            .iter()
            .map(|payload| TestMessage::new("a", *payload)),
    );
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

    // What fails with others is given up only where it fails alone.
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

/// Sends an output for each message that does not fail, and fails the others as they say.
fn exactly_once(consumer: crate::KafkaConsumer) -> TestWorker {
    let consumer = consumer.batch_max_wait(Duration::ZERO).exactly_once("id");
    TestWorker::exactly_once_batch(consumer, |batch, out| {
        for msg in batch {
            match as_it_says(msg) {
                Ok(()) => out.send("b", msg.offset().to_string())?,
                Err(error) => batch.fail(msg, error),
            }
        }
        Ok(())
    })
    .unwrap()
}

fn sent_by(worker: &TestWorker) -> Vec<i64> {
    let outputs = worker.outputs();
    let offsets = outputs.iter();
    offsets
        .map(|record| record.payload_str().parse().unwrap())
        .collect()
}

#[test]
fn outputs_wait_for_a_message_of_their_batch_that_comes_again() {
    let mut worker = exactly_once(consumer(&["a"]).retry_backoff_ms(1000));
    give(&mut worker, &["1", "0", "0", "2", "0"]);
    worker.run();
    assert!(worker.outputs().is_empty(), "{worker}");
    assert_eq!(worker.committed("a", 0), None, "{worker}");
    // Nothing of it is anybody's yet.
    worker.restart();
    worker.run_to_end();
    assert_eq!(sent_by(&worker), [0, 1, 2, 3, 4], "{worker}");
    assert_eq!(worker.committed("a", 0), Some(5), "{worker}");
}

#[test]
fn a_letter_goes_out_with_the_outputs_of_its_batch() {
    let consumer = consumer(&["a"])
        .max_retries(1)
        .retry_backoff_ms(1000)
        .dead_letter_queue("dlq");
    let mut worker = exactly_once(consumer);
    give(&mut worker, &["0", "-1", "1", "0", "7"]);
    worker.run();
    assert!(worker.sent().records().is_empty(), "{worker}");
    worker.run_to_end();
    assert_eq!(sent_by(&worker), [0, 2, 3], "{worker}");
    let letters = worker.dead_letters();
    let payloads: Vec<&str> = letters.iter().map(SentRecord::payload_str).collect();
    assert_eq!(payloads, ["-1", "7"], "{worker}");
    assert_eq!(letters[1].header_str("rws-dlq-attempts"), Some("2"));
    assert_eq!(worker.committed("a", 0), Some(5), "{worker}");
}

/// Kills, lost transactions and failures of each kind: each output is there once, and so is each letter.
#[test]
fn whatever_fails_each_result_of_a_batch_is_read_once() {
    for seed in 0..60_u64 {
        let mut rng = Rng::with_seed(seed);
        let consumer = consumer(&["a"])
            .max_retries(2)
            .retry_backoff_ms(1000)
            .batch_max_messages(4)
            .dead_letter_queue("dlq");
        let mut worker = exactly_once(consumer);
        let payloads: Vec<i64> = (0..30).map(|_| rng.i64(-1..5)).collect();
        for payload in &payloads {
            worker.give(TestMessage::new("a", payload.to_string()));
            match rng.u8(0..8) {
                0 => worker.restart(),
                1 => worker.sent().abort_next_transaction(),
                2 => worker.advance(Duration::from_millis(700)),
                3 => worker.run(),
                _ => {}
            }
        }
        worker.run_to_end();
        let is_given_up = |payload: i64| !(0..=2).contains(&payload);
        let offsets = |given_up: bool| -> Vec<i64> {
            let all = (0..).zip(&payloads);
            all.filter(|(_, payload)| is_given_up(**payload) == given_up)
                .map(|(offset, _)| offset)
                .collect()
        };
        assert_eq!(sent_by(&worker), offsets(false), "seed {seed}: {worker}");
        let letters = worker.dead_letters();
        let letters: Vec<i64> = letters
            .iter()
            .map(|letter| letter.header_str("rws-dlq-original-offset"))
            .map(|offset| offset.unwrap().parse().unwrap())
            .collect();
        assert_eq!(letters, offsets(true), "seed {seed}: {worker}");
        assert_eq!(worker.committed("a", 0), Some(30), "seed {seed}: {worker}");
    }
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
