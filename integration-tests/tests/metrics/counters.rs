//! Counters, compared with what was really sent, handled, retried and dead-lettered.

use crate::support::Scene;
use integration_tests::{close, metric, soon, stop, unique_topic};
use rws_kafka_consumer::{Backoff, ConsumerContext, HandlerError};
use rws_kafka_observe::{Observer, WorkerState};
use rws_kafka_producer::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PARTITIONS: i32 = 3;
const MESSAGES: u64 = 600;
const RETRIES: u32 = 2;

/// What really happened.
#[derive(Default)]
struct Truth {
    calls: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Some messages fail once, some always, some permanently at the first attempt.
fn handle(truth: &Truth, msg: &ConsumerContext) -> Result<(), HandlerError> {
    add(&truth.calls);
    let number: u64 = msg.payload_str()?.parse()?;
    let (is_permanent, fails) = match number % 20 {
        3 | 4 => (false, msg.attempt() == 1),
        7 => (false, true),
        11 => (true, true),
        _ => (false, false),
    };
    if !fails {
        msg.commit()?;
        add(&truth.succeeded);
        return Ok(());
    }
    add(&truth.failed);
    let is_last = is_permanent || msg.attempt() > RETRIES;
    add(if is_last {
        &truth.given_up
    } else {
        &truth.retried
    });
    let error = HandlerError::new("it does not like it");
    Err(if is_permanent {
        error.permanent()
    } else {
        error
    })
}

#[test]
fn of_a_run_with_failures_are_what_really_happened() {
    let scene = Scene::new(PARTITIONS);
    let queue = unique_topic("dlq");
    scene.kafka.create_topic(&queue, 1);

    let sent = Observer::new();
    let producer = scene.producer(&sent);
    for number in 0..MESSAGES {
        let payload = number.to_string();
        let record = Record::to(&scene.topic).partition((number % 3) as i32);
        producer.send_record(record.payload(&payload)).unwrap();
    }
    // Refused at once, and refused by the broker.
    producer.send(&scene.topic, vec![0; 2_000_000]).unwrap_err();
    let nowhere = Record::to(&scene.topic).partition(PARTITIONS + 7);
    producer.send_record_sync(nowhere.payload("x")).unwrap_err();
    close(&producer);
    let of_topic = |family: &str| metric(&sent, &format!("{family}{{topic=\"{}\"}}", scene.topic));
    assert_eq!(
        of_topic("rws_kafka_messages_produced_total"),
        Some(MESSAGES as f64)
    );
    assert_eq!(
        of_topic("rws_kafka_produce_latency_ms_count"),
        Some(MESSAGES as f64)
    );
    assert_eq!(of_topic("rws_kafka_produce_errors_total"), Some(2.0));
    let status = sent.status();
    assert_eq!(
        (status.producers[0].delivered, status.producers[0].failed),
        (MESSAGES, 2)
    );

    let truth = Arc::new(Truth::default());
    let told = Arc::clone(&truth);
    let consumer = scene
        .consumer()
        .concurrency(3)
        .dead_letter_queue(&queue)
        .max_retries(RETRIES)
        .retry_backoff(Backoff::fixed(Duration::from_millis(5)));
    let worker = consumer.start(move |msg: ConsumerContext| handle(&told, &msg));
    let all_committed = || {
        (0..PARTITIONS).all(|partition| {
            let end = Some(MESSAGES as i64 / i64::from(PARTITIONS));
            scene
                .kafka
                .committed_offset(&scene.group, &scene.topic, partition)
                == end
        })
    };
    soon(all_committed);

    let happened = |counter: &AtomicU64| Some(counter.load(Ordering::SeqCst) as f64);
    let expected = [
        ("messages_consumed_total", happened(&truth.succeeded)),
        ("consumer_errors_total", happened(&truth.failed)),
        ("consumer_retries_total", happened(&truth.retried)),
        ("dead_letters_total", happened(&truth.given_up)),
        ("messages_skipped_total", Some(0.0)),
        ("handler_duration_ms_count", happened(&truth.calls)),
    ];
    // A lane reports the rest of its counts when it is idle.
    let shown = |family: &str| scene.of_topic(&format!("rws_kafka_{family}"));
    soon(|| {
        expected
            .iter()
            .all(|(family, count)| shown(family) == *count)
    });
    assert_eq!(
        scene.kafka.end_offset(&queue, 0),
        truth.given_up.load(Ordering::SeqCst) as i64
    );
    // Calculated by hand, of 600: 60 fail once, 30 always, 30 permanently.
    assert_eq!(
        shown("consumer_retries_total"),
        Some(60.0 + 30.0 * f64::from(RETRIES))
    );
    assert_eq!(shown("dead_letters_total"), Some(60.0));

    let of_group = |family: &str, labels: &str| {
        scene.of_group(&format!("rws_kafka_consumer_{family}"), labels)
    };
    assert!(of_group("commits_total", "") >= Some(1.0));
    assert_eq!(of_group("commit_failures_total", ""), Some(0.0));
    let rebalances = |kind: &str| of_group("rebalances_total", &format!(",kind=\"{kind}\""));
    assert_eq!(rebalances("assigned"), Some(1.0));
    assert_eq!(
        (rebalances("revoked"), rebalances("lost")),
        (Some(0.0), Some(0.0))
    );

    let status = scene.observer.status();
    assert_eq!(status.consumers[0].state, WorkerState::Ok);
    let [letters] = status.dead_letters.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(
        (&letters.topic, &letters.group, letters.count),
        (&scene.topic, &scene.group, 60)
    );
    // All failures have the same words.
    let source = format!("consumer {}", scene.group);
    let of_us: Vec<_> = status
        .errors
        .iter()
        .filter(|error| error.source == source)
        .collect();
    let [error] = of_us.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(error.count, truth.failed.load(Ordering::SeqCst));
    assert_eq!(
        error.message,
        format!("{}: it does not like it", scene.topic)
    );
    stop(&worker);
    assert_eq!(rebalances("revoked"), Some(1.0));
}
