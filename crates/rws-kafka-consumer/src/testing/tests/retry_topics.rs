use super::super::engine::{checked, engine_of};
use super::super::ledger::Ledger;
use super::*;
use crate::engine::{ByHand, Engine, Handler, TestClock};
use crate::handler::hooks::AssignedPartition;
use crate::{Backoff, MessageBatch};
use rws_kafka_dispatch::{Time, TopicPartition};
use rws_kafka_producer::testing::SentRecord;
use std::sync::{OnceLock, Weak};

fn topics(records: &[SentRecord]) -> Vec<&str> {
    records.iter().map(SentRecord::topic).collect()
}

#[test]
fn a_message_goes_through_all_delays_and_holds_up_nobody() {
    let consumer = consumer(&["a"])
        .retry_topics([SECOND, 10 * SECOND])
        .dead_letter_queue("{topic}.dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give_all(["9", "1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(worker.committed("a", 0), Some(3), "{worker}");
    let first = "a-test-retry-1000";
    assert_eq!(topics(&worker.put_off()), [first, first]);
    assert_eq!(worker.next_due(), Some(SECOND), "{worker}");

    worker.advance(SECOND);
    assert_eq!(worker.committed(first, 0), Some(2), "{worker}");
    assert_eq!(
        topics(&worker.put_off()),
        [first, first, "a-test-retry-10000"]
    );
    worker.advance(9 * SECOND);
    assert!(worker.dead_letters().is_empty(), "{worker}");
    worker.advance(SECOND);
    let letter = worker.dead_letter();
    assert_eq!((letter.topic(), letter.payload_str()), ("a.dlq", "9"));
    assert_eq!(letter.header_str("rws-dlq-original-offset"), Some("0"));
    assert_eq!(letter.header_str("rws-dlq-attempts"), Some("3"));
    let when: Vec<u64> = handled(&worker).into_iter().map(|(at, _)| at).collect();
    assert_eq!(when, [0, 0, 0, 1000, 1000, 11_000]);
    assert_eq!(worker.next_due(), None);
}

#[test]
fn a_retry_that_is_too_large_keeps_its_delay_and_its_origin_in_one_header() {
    let consumer = consumer(&["a"])
        .retry_topics([SECOND, 10 * SECOND])
        .dead_letter_queue("{topic}.dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    let message = TestMessage::new("a", "9").partition(3).offset(41);
    // A name that is a retry header only in retry topics.
    let message = message.header("retry_topic-attempts", "mine");
    // Too large even without the stack trace.
    worker.sent().fail_next(SendFault::MessageTooLarge);
    worker.sent().fail_next(SendFault::MessageTooLarge);
    worker.give(message.timestamp_ms(17));
    worker.run();
    let due = worker.now_ms() + 1000;
    let put_off = worker.put_off();
    let headers: Vec<(&str, Option<&[u8]>)> = put_off[0].headers().collect();
    let expected = format!("3/41/1/{due}/C17");
    let mine: (&str, Option<&[u8]>) = ("retry_topic-attempts", Some(b"mine"));
    assert_eq!(
        headers,
        [mine, ("rws-retry-origin", Some(expected.as_bytes()))]
    );
    assert_eq!(worker.next_due(), Some(SECOND), "{worker}");

    worker.advance(SECOND);
    worker.advance(10 * SECOND);
    let letter = worker.dead_letter();
    assert_eq!(letter.header_str("retry_topic-attempts"), Some("mine"));
    for (name, expected) in [
        ("topic", "a"),
        ("partition", "3"),
        ("offset", "41"),
        ("timestamp", "17"),
    ] {
        let name = format!("rws-dlq-original-{name}");
        assert_eq!(letter.header_str(&name), Some(expected), "{name}");
    }
    assert_eq!(letter.header_str("rws-dlq-attempts"), Some("3"));
    assert_eq!(letter.header_str("rws-retry-origin"), None);
}

#[test]
fn a_delay_outlives_the_process() {
    let consumer = consumer(&["a"])
        .retry_topics([10 * SECOND])
        .dead_letter_queue("dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give(TestMessage::new("a", "1"));
    worker.advance(4 * SECOND);
    worker.restart();
    worker.run();
    assert_eq!(worker.next_due(), Some(6 * SECOND), "{worker}");
    worker.advance(6 * SECOND);
    assert_eq!(
        worker.committed("a-test-retry-10000", 0),
        Some(1),
        "{worker}"
    );
    assert_eq!(handled(&worker).len(), 2);
}

#[test]
fn in_transactions_a_retry_is_an_output_of_its_message() {
    let consumer = consumer(&["a"])
        .retry_topics([SECOND])
        .dead_letter_queue("dlq");
    let handler = |msg: ConsumerContext, out: &mut crate::Outputs| {
        out.send("b", msg.payload().unwrap_or_default())?;
        as_it_says(&msg)
    };
    let mut worker = TestWorker::exactly_once(consumer.exactly_once("id"), handler).unwrap();
    worker.give_all(["1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.sent().abort_next_transaction();
    worker.run();
    assert_eq!(topics(&worker.put_off()), ["a-test-retry-1000"], "{worker}");
    worker.advance(SECOND);
    let outputs = worker.outputs();
    let payloads: Vec<&str> = outputs.iter().map(SentRecord::payload_str).collect();
    assert_eq!(payloads, ["0", "1"], "{worker}");
}

/// The names of two groups can be the same.
#[test]
fn what_another_group_has_put_off_is_not_handled() {
    const GROUP: &str = "kafka_dlt-original-consumer-group";
    let topic = "a-test-retry-1000";
    let messages = || {
        let message = |payload: &str| TestMessage::new(topic, payload).header("n", payload);
        [
            message("theirs").header(GROUP, "other"),
            message("0").header(GROUP, "test"),
            message("theirs").header(GROUP, "other"),
            message("theirs").header(GROUP, "test").header(GROUP, "tes"),
            message("0").header(GROUP, "other").header(GROUP, "test"),
            message("0"),
            message("0").header(GROUP, None::<&str>),
            message("theirs").header(GROUP, "other"),
        ]
    };
    let observer = Observer::new();
    let retries = || {
        let config = crate::ConsumerConfig::from(config()).observer(observer.clone());
        let consumer = KafkaConsumer::new(config).unwrap().subscribe(["a"]);
        consumer.unwrap().retry_topics([SECOND])
    };
    let of_batches = |batch: &MessageBatch| batch.iter().try_for_each(as_it_says);
    let send = |msg: ConsumerContext, out: &mut crate::Outputs| {
        out.send("b", msg.payload().unwrap_or_default())?;
        as_it_says(&msg)
    };
    let workers = [
        TestWorker::new(retries(), handle_as_it_says),
        TestWorker::batch(retries().batch_max_wait(Duration::ZERO), of_batches),
        TestWorker::exactly_once(retries().exactly_once("id"), send),
    ];
    for (number, worker) in workers.into_iter().enumerate() {
        let mut worker = worker.unwrap();
        worker.give_all(messages());
        worker.run();
        let offsets: Vec<i64> = (0..8)
            .filter(|offset| worker.attempts(topic, 0, *offset) == 1)
            .collect();
        assert_eq!(offsets, [1, 4, 5, 6], "{worker}");
        assert_eq!(worker.committed(topic, 0), Some(8), "{worker}");
        assert_eq!(worker.status().in_flight, 0, "{worker}");
        let expected = if number == 2 { 4 } else { 0 };
        assert_eq!(worker.outputs().len(), expected, "{worker}");
        assert!(worker.dead_letters().is_empty() && worker.put_off().is_empty());
        // Only messages of the other group, and no empty batch.
        worker.give(TestMessage::new(topic, "theirs").header(GROUP, "other"));
        worker.run();
        assert_eq!(worker.committed(topic, 0), Some(9), "{worker}");
        assert_eq!(handled(&worker).len(), 4, "{worker}");
    }
    let page = observer.render();
    let counted = "rws_kafka_messages_skipped_total{group=\"test\",topic=\"a\"} 15\n";
    assert!(page.contains(counted), "{page}");
}

/// Written by a clock that is an hour ahead: all messages wait at the same time, not one after the other.
#[test]
fn what_was_fetched_together_waits_no_longer_than_the_delay_together() {
    let topic = "a-test-retry-1000";
    let retries = || consumer(&["a"]).retry_topics([SECOND]);
    let of_batches = |batch: &MessageBatch| batch.iter().try_for_each(as_it_says);
    let workers = [
        TestWorker::new(retries(), handle_as_it_says),
        TestWorker::batch(retries().batch_max_wait(Duration::ZERO), of_batches),
    ];
    for worker in workers {
        let mut worker = worker.unwrap();
        let hour_ms = worker.now_ms() + 3_600_000;
        let message = |number: i64| {
            let due = (hour_ms + number * 1000).to_be_bytes();
            TestMessage::new(topic, "0").header("retry_topic-backoff-timestamp", &due[..])
        };
        worker.give_all((0..20).map(message));
        worker.advance(SECOND / 2);
        worker.give(message(20));
        worker.advance(SECOND / 2);
        worker.advance(SECOND / 2);
        let when: Vec<u64> = handled(&worker).into_iter().map(|(at, _)| at).collect();
        let expected = [vec![1000; 20], vec![1500]].concat();
        assert_eq!(when, expected, "{worker}");
        assert_eq!(worker.committed(topic, 0), Some(21), "{worker}");
        let batches = worker.log().into_iter();
        let batches =
            batches.filter(|(at, event)| *at == SECOND && matches!(event, Event::Batch { .. }));
        assert!(batches.count() <= 1, "{worker}");
    }
}

/// A message whose writer's clock is an hour ahead is handled after its topic's delay, and does not delay
/// others.
#[test]
fn what_is_overdue_takes_nobody_with_it() {
    let topic = "a-test-retry-10000";
    let consumer = consumer(&["a"])
        .retry_topics([10 * SECOND])
        .batch_max_wait(9 * SECOND);
    let mut worker =
        TestWorker::batch(consumer, |batch| batch.iter().try_for_each(as_it_says)).unwrap();
    let message = |due_ms: i64| {
        let header = due_ms.to_be_bytes();
        TestMessage::new(topic, "0").header("retry_topic-backoff-timestamp", &header[..])
    };
    worker.give(message(worker.now_ms() + 3_600_000));
    worker.advance(8 * SECOND);
    worker.give(message(worker.now_ms() + 8000));
    worker.run_to_end();
    let when: Vec<u64> = handled(&worker).into_iter().map(|(at, _)| at).collect();
    assert_eq!(when, [10_000, 16_000], "{worker}");
}

#[test]
fn what_of_a_batch_is_not_due_is_not_in_hand() {
    let consumer = consumer(&["a"])
        .retry_topics([SECOND])
        .max_retries(1)
        .retry_backoff(Backoff::fixed(SECOND).jitter(0.0))
        .batch_max_wait(Duration::ZERO);
    let (seen, engine) = (
        Seen::<[usize; 2]>::default(),
        Arc::<OnceLock<Weak<Engine>>>::default(),
    );
    let handler = {
        let (seen, engine) = (Arc::clone(&seen), Arc::clone(&engine));
        move |batch: &MessageBatch, _: &mut crate::Outputs| {
            let engine: Option<Arc<Engine>> = engine.get().and_then(Weak::upgrade);
            let in_flight = || engine.as_ref().map_or(0, |engine| engine.in_flight());
            let before = in_flight();
            batch.commit_up_to(0)?;
            seen.lock().push([before, in_flight()]);
            let fails = |msg: &&ConsumerContext| msg.offset() == 1 && msg.attempt() == 2;
            if let Some(msg) = batch.iter().find(fails) {
                batch.fail(msg, HandlerError::new("not yet"));
            }
            batch.commit()
        }
    };
    let handler = Arc::new(Handler::Batches(Box::new(handler)));
    let clock = TestClock::new();
    let worker = engine_of(&consumer, &clock, checked(&consumer, &handler).unwrap());
    engine.set(Arc::downgrade(&worker)).unwrap();
    let ledger = Arc::new(Ledger::default());
    let worker = ByHand::new(worker, handler, clock.clone(), ledger).unwrap();
    let partition = TopicPartition::new("a-test-retry-1000", 0);
    worker.assign(vec![AssignedPartition {
        partition: partition.clone(),
        committed: None,
    }]);
    let due = (Time::unix_ms(&clock) + 1000).to_be_bytes();
    let message = |offset: i64| {
        let message = TestMessage::new(partition.topic(), "x").offset(offset);
        match offset {
            0..2 => message,
            _ => message.header("retry_topic-backoff-timestamp", &due[..]),
        }
    };
    let messages: Vec<TestMessage> = (0..5).map(message).collect();
    worker.hand_out(&partition, messages.iter().map(TestMessage::fetched));
    for at in [0, 1] {
        clock.move_to(at * SECOND);
        while worker.step().is_some() {}
        assert_eq!(worker.engine().in_flight(), 0);
    }
    assert_eq!(*seen.lock(), [[2, 1], [1, 1], [3, 2]]);
}
