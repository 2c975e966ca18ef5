use super::*;
use crate::{
    Backoff, CircuitBreaker, ConsumerError, DeadLetterHeaders, ErrorClass, FailurePolicy, Ordering,
};
use rws_kafka_observe::causes::with_causes;

#[test]
fn retries_come_when_they_fall_due_and_in_that_order() {
    let consumer = consumer(&["a"])
        .ordering(Ordering::Key)
        .max_retries(5)
        .retry_backoff(Backoff::new(SECOND, 60 * SECOND))
        .on_failure(FailurePolicy::Skip);
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give(TestMessage::new("a", "2").key("x"));
    worker.give(TestMessage::new("a", "1").key("y").partition(1));
    worker.run();
    assert_eq!(worker.next_due(), Some(SECOND), "{worker}");
    worker.advance(Duration::from_millis(500));
    worker.give(TestMessage::new("a", "1").key("z"));
    worker.give(TestMessage::new("a", "0").key("x"));
    worker.advance(10 * SECOND);
    let expected = [
        (0, "a-0@0#1"),
        (0, "a-1@0#1"),
        (500, "a-0@1#1"),
        (1000, "a-0@0#2"),
        (1000, "a-1@0#2"),
        (1500, "a-0@1#2"),
        (3000, "a-0@0#3"),
        (3000, "a-0@2#1"),
    ];
    assert_eq!(
        handled(&worker),
        expected.map(|(at, what)| (at, what.to_owned()))
    );
    // Never past the first, which was the last to be handled.
    let commits = worker.commits();
    let commits: Vec<(i32, i64)> = commits
        .iter()
        .map(|(at, to)| (at.partition(), *to))
        .collect();
    assert_eq!(commits, [(1, 1), (0, 3)], "{worker}");
    assert_eq!(
        (worker.next_due(), worker.elapsed()),
        (None, SECOND * 21 / 2)
    );
}

#[test]
fn each_policy_takes_a_message_to_its_end() {
    let consumer = || consumer(&["a"]).max_retries(1).retry_backoff_ms(1000);
    let run = |consumer: KafkaConsumer| {
        let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
        worker.give_all(["0", "9", "0", "-1", "0"].map(|payload| TestMessage::new("a", payload)));
        worker.advance(SECOND);
        worker
    };
    let skip = run(consumer().on_failure(FailurePolicy::Skip));
    assert_eq!(skip.committed("a", 0), Some(5), "{skip}");
    assert_eq!([1, 3].map(|offset| skip.attempts("a", 0, offset)), [2, 1]);

    let dead_letter = run(consumer().dead_letter_queue("dlq"));
    assert_eq!(dead_letter.committed("a", 0), Some(5), "{dead_letter}");
    let letters = dead_letter.dead_letters();
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter.header_str("rws-dlq-error-reason").unwrap())
        .collect();
    assert_eq!(reasons, ["attempt 2", "never"]);

    let mut stop = run(consumer().on_failure(FailurePolicy::Stop));
    assert_eq!(stop.committed("a", 0), Some(1), "{stop}");
    let Some(ConsumerError::Failed {
        offset, attempts, ..
    }) = stop.error()
    else {
        panic!("it stops: {stop}");
    };
    assert_eq!((offset, attempts), (1, 2));
    assert!(stop.status().stopped && stop.stop().error.is_some());
    stop.run();
    assert_eq!(handled(&stop).len(), 3, "{stop}");

    let consumer = super::consumer(&["a"]).retry_backoff_ms(1000);
    let mut retry = TestWorker::new(consumer, handle_as_it_says).unwrap();
    retry.give_all(["3", "0"].map(|payload| TestMessage::new("a", payload)));
    retry.run_to_end();
    assert_eq!(retry.attempts("a", 0, 0), 4, "{retry}");
    assert_eq!(
        (retry.elapsed(), retry.committed("a", 0)),
        (3 * SECOND, Some(2))
    );
}

fn headers_of(letter: &SentRecord) -> Vec<String> {
    let headers = letter.headers();
    headers
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.unwrap_or(b"-"))))
        .collect()
}

/// The message is dead-lettered, and its letter is refused as too large this many times.
fn too_large(reason: &'static str, refusals: usize) -> TestWorker {
    let consumer = consumer(&["a"]).dead_letter_queue("dlq");
    let handler = move |_: ConsumerContext| Err(HandlerError::new(reason).permanent());
    let mut worker = TestWorker::new(consumer, handler).unwrap();
    for _ in 0..refusals {
        worker.sent().fail_next(SendFault::MessageTooLarge);
    }
    let message = TestMessage::new("a", "x").header("own", "v");
    worker.give(message.offset(41).timestamp_ms(17));
    worker.run();
    worker
}

#[test]
fn a_letter_that_is_too_large_goes_with_fewer_headers_and_at_once() {
    let long = "no such order, as far as this service knows, which asked all others before it gave up, \
                and then once more, and even then there was none of them, or none that would answer \
                within the time that it has for that";
    let worker = too_large(long, 1);
    let headers = headers_of(&worker.dead_letter());
    assert_eq!(headers.len(), 9, "{headers:?}");
    let reason = format!(
        "rws-dlq-error-reason={}… [shortened: the message is close to the size limit]",
        &long[..100]
    );
    assert!(headers.contains(&reason), "{headers:?}");
    for (reason, refusals, expected) in [
        (long, 2, &["own=v", "rws-dlq-origin=a/0/41/17"][..]),
        (long, 3, &["own=v"]),
        ("busy", 1, &["own=v", "rws-dlq-origin=a/0/41/17"]),
        ("busy", 2, &["own=v"]),
    ] {
        let worker = too_large(reason, refusals);
        assert_eq!(headers_of(&worker.dead_letter()), expected);
        assert_eq!(worker.committed("a", 0), Some(42), "{worker}");
    }
}

#[test]
fn a_message_that_is_too_large_by_itself_waits_and_has_all_headers_once_it_fits() {
    let mut worker = too_large("busy", 3);
    assert!(worker.dead_letters().is_empty(), "{worker}");
    assert_eq!(worker.committed("a", 0), None, "{worker}");
    let error = with_causes(&worker.status().last_error.expect("a reason"));
    for expected in [
        "a-0 offset 41",
        "\"dlq\"",
        "max.message.bytes of the topic must be at least 75",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    worker.run_to_end();
    assert_eq!(headers_of(&worker.dead_letter()).len(), 9, "{worker}");
    assert_eq!(worker.committed("a", 0), Some(42), "{worker}");
}

#[test]
fn a_letter_is_the_message_as_it_came_and_tells_where_from() {
    let consumer = consumer(&["a"])
        .max_retries(1)
        .retry_backoff_ms(1500)
        .dead_letter_queue("{topic}.dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    let message = TestMessage::new("a", "9")
        .key("k")
        .header("own", "v")
        .header("null", None::<&str>)
        .partition(3)
        .offset(41)
        .timestamp_ms(17);
    worker.give(message);
    worker.run_to_end();
    let letter = worker.dead_letter();
    assert_eq!(
        (letter.topic(), letter.key_str(), letter.payload_str()),
        ("a.dlq", "k", "9")
    );
    // Its timestamp is the time of sending, from which the queue's retention counts.
    assert_eq!((letter.partition(), letter.timestamp_ms()), (None, None));
    let headers = headers_of(&letter);
    let expected = [
        "own=v",
        "null=-",
        "rws-dlq-original-topic=a",
        "rws-dlq-original-partition=3",
        "rws-dlq-original-offset=41",
        "rws-dlq-original-timestamp=17",
        "rws-dlq-consumer-group=test",
        "rws-dlq-error-reason=attempt 2",
        "rws-dlq-attempts=2",
        // 1.5 s after the beginning of 2020.
        "rws-dlq-failed-at=1577836801500",
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_letter_that_is_refused_is_sent_again_without_the_handler_and_holds_the_offset() {
    let consumer = consumer(&["a"])
        .dead_letter_queue("dlq")
        .dead_letter_headers(DeadLetterHeaders::Spring);
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.sent().fail_all(SendFault::NotAuthorized);
    worker.give_all(["-1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(worker.next_due(), Some(SECOND / 10), "{worker}");
    worker.advance(SECOND / 10);
    assert_eq!(worker.next_due(), Some(SECOND / 5), "{worker}");
    let error = worker.status().last_error;
    assert!(matches!(
        error,
        Some(ConsumerError::DeadLetterRefused { offset: 0, .. })
    ));
    assert_eq!(
        (worker.committed("a", 0), worker.dead_letters().len()),
        (None, 0)
    );
    worker.sent().recover();
    worker.run_to_end();
    assert_eq!(
        worker.dead_letter().header("kafka_deliveryAttempt"),
        Some(Some(&[0, 0, 0, 1][..]))
    );
    assert_eq!(
        (worker.attempts("a", 0, 0), worker.committed("a", 0)),
        (1, Some(2)),
        "{worker}"
    );
}

#[test]
fn a_producer_that_has_failed_for_good_is_made_anew() {
    let consumer = consumer(&["a"]).dead_letter_queue("dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.sent().fail_next(SendFault::Fatal);
    worker.give(TestMessage::new("a", "-1"));
    worker.run();
    assert!(worker.dead_letters().is_empty(), "{worker}");
    worker.run_to_end();
    assert_eq!(worker.dead_letter().payload_str(), "-1");
    assert_eq!(worker.committed("a", 0), Some(1), "{worker}");
}

#[test]
fn a_letter_on_its_way_holds_up_its_partition_and_no_other() {
    let consumer = consumer(&["a"]).dead_letter_queue("dlq");
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.sent().hold();
    worker.give_all(["-1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.give(TestMessage::new("a", "0").partition(1));
    worker.run();
    assert_eq!(
        (worker.committed("a", 0), worker.committed("a", 1)),
        (None, Some(1))
    );
    assert_eq!(worker.status().in_flight, 1);
    assert_eq!(worker.sent().acknowledge(), 1);
    worker.run();
    assert_eq!(
        (worker.committed("a", 0), worker.status().in_flight),
        (Some(2), 0),
        "{worker}"
    );

    worker.give(TestMessage::new("a", "-1"));
    worker.run();
    worker.sent().fail_held(SendFault::TimedOut);
    worker.sent().release();
    worker.run();
    assert_eq!(worker.next_due(), Some(SECOND / 10), "{worker}");
    worker.run_to_end();
    assert_eq!(
        (worker.dead_letters().len(), worker.committed("a", 0)),
        (2, Some(3))
    );
}

#[test]
fn a_breaker_stops_the_worker_before_the_message_that_is_one_too_many() {
    let consumer = consumer(&["a"])
        .dead_letter_queue("dlq")
        .circuit_breaker(CircuitBreaker::consecutive(3));
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker
        .give_all(["-1", "-1", "0", "-1", "-1", "-1", "0"].map(|what| TestMessage::new("a", what)));
    worker.run();
    let error = worker.error();
    assert!(
        matches!(error, Some(ConsumerError::CircuitOpen { offset: 5, .. })),
        "{worker}"
    );
    assert_eq!(
        (worker.committed("a", 0), worker.dead_letters().len()),
        (Some(5), 4)
    );

    // An operator starts it again after fixing the cause.
    worker.restart();
    worker.run();
    assert_eq!(
        (worker.committed("a", 0), worker.dead_letters().len()),
        (Some(7), 5),
        "{worker}"
    );
}

#[test]
fn a_panic_is_a_failed_message_and_in_the_log() {
    let consumer = consumer(&["a"])
        .max_retries(0)
        .on_failure(FailurePolicy::Skip);
    let mut worker = TestWorker::new(consumer, |msg: ConsumerContext| {
        assert_eq!(msg.payload_str()?, "expected");
        msg.commit()
    })
    .unwrap();
    worker.give_all(["found", "expected"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(worker.committed("a", 0), Some(2));
    let shown = worker.to_string();
    assert!(
        shown.contains("a-0 offset 0, attempt 1: Err(the handler panicked: "),
        "{shown}"
    );
    assert!(shown.contains("left: \"found\""), "{shown}");
}

#[test]
fn classes_of_ones_own_are_asked() {
    let consumer = consumer(&["a"])
        .dead_letter_queue("dlq")
        .classify_errors(|error| match error.to_string().as_str() {
            "never" => ErrorClass::Ignorable,
            _ => ErrorClass::Permanent,
        });
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give_all(["-1", "1"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    assert_eq!(worker.dead_letter().payload_str(), "1");
    assert_eq!(worker.committed("a", 0), Some(2), "{worker}");
}

#[test]
#[should_panic(expected = "the run does not end")]
fn retries_without_a_pause_are_found_out() {
    let consumer = consumer(&["a"]).retry_backoff_ms(0);
    let mut worker = TestWorker::new(consumer, |_| Err(HandlerError::new("busy"))).unwrap();
    worker.give(TestMessage::new("a", ""));
    worker.run();
}

#[test]
#[should_panic(expected = "expected one dead letter, found 0:")]
fn who_expects_a_letter_is_shown_what_happened() {
    let mut worker = TestWorker::new(consumer(&["a"]), handle_as_it_says).unwrap();
    worker.give(TestMessage::new("a", "0"));
    worker.run();
    worker.dead_letter();
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let refused = TestWorker::new(consumer(&["a"]).max_retries(3), handle_as_it_says);
    let Err(ConsumerError::Setting { setting, .. }) = refused else {
        panic!("nothing comes after the last retry");
    };
    assert_eq!(setting, "max_retries");
    let none = KafkaConsumer::new(config()).unwrap();
    let refused = TestWorker::new(none, handle_as_it_says);
    assert!(matches!(refused, Err(ConsumerError::NoTopics)));
}
