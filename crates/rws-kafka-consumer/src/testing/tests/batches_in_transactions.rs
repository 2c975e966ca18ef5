//! Batches whose outputs and offsets go into one transaction.

use super::*;
use crate::{MessageBatch, Outputs};
use fastrand::Rng;
use std::collections::BTreeMap;

/// Sends an output for each message that does not fail, and fails the others as their payloads say.
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
    // No output is visible yet.
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

fn keys(records: &[SentRecord]) -> Vec<&str> {
    records.iter().map(SentRecord::key_str).collect()
}

/// A message that is delayed before an earlier one is finished would be delayed again after a kill, because
/// its offset cannot be in the transaction.
#[test]
fn nothing_of_a_batch_is_put_off_before_an_earlier_message_has_come_to_its_end() {
    // It fails on its own for some time or permanently, and its batch with it.
    for (first, gives_up) in [("1", false), ("-1", true)] {
        let mut consumer = consumer(&["a"])
            .max_retries(1)
            .retry_backoff_ms(1000)
            .retry_topics([10 * SECOND])
            .batch_max_wait(Duration::ZERO);
        if gives_up {
            consumer = consumer.dead_letter_queue("dlq");
        }
        let consumer = consumer.exactly_once("id");
        let mut worker = TestWorker::exactly_once_batch(consumer, |batch, _| {
            for msg in batch {
                if let Err(error) = as_it_says(msg) {
                    batch.fail(msg, error);
                }
            }
            match batch.get(0) {
                Some(msg) if msg.topic() == "a" && msg.partition() == 0 => {
                    Err(HandlerError::new("too early").permanent())
                }
                _ => Ok(()),
            }
        })
        .unwrap();
        worker.assign("a", [0, 1]);
        for (key, payload) in [("0", first), ("1", "0"), ("2", "0")] {
            worker.give(TestMessage::new("a", payload).key(key));
        }
        worker.give(TestMessage::new("a", "0").partition(1));
        // Its offset is in a transaction with the outputs of the other partition.
        worker.run();
        assert_eq!(worker.committed("a", 1), Some(1), "{worker}");
        worker.restart();
        worker.run_to_end();
        assert_eq!(worker.committed("a", 0), Some(3), "{worker}");
        let (put_off, letters) = (worker.put_off(), worker.dead_letters());
        let (all, none) = (vec!["0", "1", "2"], vec![]);
        let expected = if gives_up { (none, all) } else { (all, none) };
        assert_eq!((keys(&put_off), keys(&letters)), expected, "{worker}");
    }
}

fn sorted<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<_> = keys.map(str::to_owned).collect();
    keys.sort();
    keys
}

/// The payload of a message that fails its batch.
const BREAKS: &str = "9";

/// Kills, lost transactions and failures of each kind, with and without retry topics: each output and each
/// letter exists exactly once.
#[test]
fn whatever_fails_each_result_of_a_batch_is_read_once() {
    let mut put_off = 0;
    for seed in 0..240_u64 {
        let mut rng = Rng::with_seed(seed);
        let (has_topics, is_permanent, gives_up) = (seed & 1 > 0, seed & 2 > 0, seed & 4 > 0);
        let mut consumer = consumer(&["a"])
            .retry_backoff_ms(1000)
            .batch_max_messages(4)
            .batch_max_wait(Duration::ZERO);
        if gives_up {
            consumer = consumer.dead_letter_queue("dlq");
        }
        if has_topics {
            consumer = consumer.retry_topics([SECOND, 10 * SECOND]);
        }
        if has_topics || gives_up {
            consumer = consumer.max_retries(if has_topics { 1 } else { 3 });
        }
        let handler = move |batch: &MessageBatch, out: &mut Outputs| {
            let mut breaks = false;
            for msg in batch {
                if msg.payload_str()? == BREAKS {
                    breaks |= batch.len() > 1 && msg.attempt() < 8;
                } else if let Err(error) = as_it_says(msg) {
                    batch.fail(msg, error);
                    continue;
                }
                out.send("b", msg.key().unwrap_or_default())?;
            }
            match HandlerError::new("broken") {
                _ if !breaks => Ok(()),
                error if is_permanent => Err(error.permanent()),
                error => Err(error),
            }
        };
        let mut worker =
            TestWorker::exactly_once_batch(consumer.exactly_once("id"), handler).unwrap();
        worker.assign("a", [0, 1]);
        let of_kind = |rng: &mut Rng| match rng.u8(0..12) {
            0 => BREAKS,
            1 | 2 if gives_up => "-1",
            3 | 4 => "1",
            5 => "2",
            6 => "3",
            _ => "0",
        };
        let payloads: Vec<&str> = (0..40).map(|_| of_kind(&mut rng)).collect();
        let theirs = "a-test-retry-1000";
        for (number, payload) in payloads.iter().enumerate() {
            let partition = rng.i32(0..2);
            let message = TestMessage::new("a", *payload).partition(partition);
            worker.give(message.key(format!("{number:02}")));
            if has_topics && rng.u8(0..8) == 0 {
                let message = TestMessage::new(theirs, "0").key("theirs");
                worker.give(message.header("kafka_dlt-original-consumer-group", "other"));
            }
            match rng.u8(0..10) {
                0 => worker.restart(),
                1 => worker.sent().abort_next_transaction(),
                2 | 3 => worker.advance(Duration::from_millis(700)),
                4 | 5 => worker.run(),
                _ => {}
            }
        }
        for _ in 0..rng.u8(0..4) {
            worker.advance(Duration::from_millis(rng.u64(0..4000)));
            worker.restart();
        }
        worker.run_to_end();
        let all = |given_up: bool| -> Vec<String> {
            let all = payloads.iter().enumerate();
            all.filter(|(_, payload)| (**payload == "-1") == given_up)
                .map(|(number, _)| format!("{number:02}"))
                .collect()
        };
        let outputs = worker.outputs();
        let outputs = outputs.iter().map(SentRecord::payload_str);
        let letters = worker.dead_letters();
        let letters = letters.iter().map(SentRecord::key_str);
        let found = [sorted(outputs), sorted(letters)];
        assert_eq!(found, [all(false), all(true)], "seed {seed}: {worker}");
        // Each is sent once to a topic.
        let records = worker.put_off();
        put_off += records.len();
        let mut times = BTreeMap::new();
        for record in &records {
            let place = (record.topic(), record.key_str());
            *times.entry(place).or_insert(0) += 1;
        }
        times.retain(|_, times| *times > 1);
        assert!(times.is_empty(), "seed {seed}: {times:?}: {worker}");
        assert_eq!(worker.status().in_flight, 0, "seed {seed}: {worker}");
    }
    assert!(put_off > 1000, "{put_off}");
}
