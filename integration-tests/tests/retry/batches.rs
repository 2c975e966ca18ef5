use crate::support::{Journal, Scene};
use integration_tests::{soon, stop};
use rws_kafka_consumer::HandlerError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const DELAYS: [u64; 2] = [400, 800];

/// Each fails by itself, 0 to 3 times, where two retries are all there is.
#[test]
fn messages_of_batches_are_put_off_one_by_one_and_come_in_batches_again() {
    let scene = Scene::new(2);
    let journal = Journal::default();
    let names: Vec<String> = (0..400).map(|it| format!("{}-{it}", it % 4)).collect();
    scene.send(&names);
    let notes = journal.clone();
    let largest = Arc::new(AtomicUsize::new(0));
    let of_retries = Arc::clone(&largest);
    let source = scene.topic.clone();
    let handle = scene
        .consumer(&DELAYS)
        .concurrency(2)
        .start_batch(move |batch| {
            for (index, msg) in batch.iter().enumerate() {
                notes.note(msg);
                let fails: u32 = msg.payload_str()?[..1].parse()?;
                if msg.attempt() <= fails {
                    batch.fail(index, HandlerError::new("busy"));
                }
                if msg.topic() != source {
                    of_retries.fetch_max(batch.len(), Ordering::SeqCst);
                }
            }
            batch.commit()
        });
    let retries = DELAYS.map(|delay| scene.retry(delay));
    soon(|| journal.len() == 100 + 100 * 2 + 100 * 3 + 100 * 3);
    soon(|| scene.is_committed(&scene.topic));
    soon(|| retries.iter().all(|retry| scene.is_committed(retry)));
    stop(&handle);
    journal.assert_none_was_early();
    for name in &names {
        let given = journal.of(name);
        let attempts: Vec<u32> = given.iter().map(|given| given.attempt).collect();
        let fails: u32 = name[..1].parse().unwrap();
        let expected: Vec<u32> = (1..=(fails + 1).min(3)).collect();
        assert_eq!(attempts, expected, "{name}");
    }
    assert_eq!(scene.records(&scene.queue), 100);
    assert!(largest.load(Ordering::SeqCst) > 1, "they came one by one");
}

#[test]
fn a_batch_whose_handler_fails_is_put_off_as_a_whole() {
    let scene = Scene::new(1);
    let journal = Journal::default();
    scene.send(0..20);
    let notes = journal.clone();
    let handle = scene
        .consumer_of(scene.config())
        .retry_topics([Duration::from_millis(300)])
        .dead_letter_queue("{topic}.dlq")
        .start_batch(move |batch| {
            batch.iter().for_each(|msg| notes.note(msg));
            if batch.attempt() == 1 {
                return Err(HandlerError::new("the database is away"));
            }
            batch.commit()
        });
    let retry = scene.retry(300);
    soon(|| journal.len() == 40 && scene.is_committed(&retry));
    soon(|| scene.is_committed(&scene.topic));
    stop(&handle);
    journal.assert_none_was_early();
    assert_eq!(scene.records(&scene.queue), 0);
}
