//! Messages that are handled at the same time.

use integration_tests::{Gate, Journal, Scene, close, ready, soon, stop};
use rws_kafka_consumer::{Backoff, ConsumerContext, HandlerError, Ordering};
use rws_kafka_producer::Record;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// Sends `count` messages to partition 0, the key of each its number modulo `keys`.
fn fill_keyed(scene: &Scene<'_>, count: usize, keys: usize) {
    let producer = scene.producer();
    for number in 0..count {
        let (key, payload) = (format!("key-{}", number % keys), number.to_string());
        let record = Record::to(&scene.topic)
            .partition(0)
            .key(&key)
            .payload(&payload);
        producer.send_record(record).unwrap();
    }
    close(&producer);
}

#[test]
fn keys_of_one_partition_are_handled_side_by_side_each_in_its_order() {
    let scene = Scene::new(1);
    fill_keyed(&scene, 400, 8);
    let gate = Gate::default();
    let wait = gate.clone();
    let seen: Arc<Mutex<HashMap<Vec<u8>, Vec<i64>>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let handle = scene
        .consumer()
        .concurrency(8)
        .ordering(Ordering::Key)
        .retry_backoff(Backoff::fixed(Duration::from_millis(5)))
        .start(move |msg: ConsumerContext| {
            wait.pass();
            if msg.offset() % 10 == 0 && msg.attempt() == 1 {
                return Err(HandlerError::new("not yet"));
            }
            let key = msg.key().unwrap().to_vec();
            notes
                .lock()
                .unwrap()
                .entry(key)
                .or_default()
                .push(msg.offset());
            msg.commit()
        });
    // One message of each key, and no two of one.
    soon(|| handle.status().in_flight == 8);
    gate.open();
    soon(|| scene.committed(0) == Some(400));
    stop(&handle);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 8);
    for offsets in seen.values() {
        assert_eq!(offsets.len(), 50);
        assert!(offsets.is_sorted(), "{offsets:?}");
    }
}

#[test]
fn messages_without_a_key_keep_their_order_among_themselves() {
    let scene = Scene::new(1);
    scene.fill(200);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .concurrency(4)
        .ordering(Ordering::Key)
        .start(move |msg: ConsumerContext| {
            thread::yield_now();
            notes.note(&msg);
            msg.commit()
        });
    soon(|| scene.committed(0) == Some(200));
    stop(&handle);
    journal.assert_each_once(&[200]);
}

#[test]
fn without_an_order_messages_of_one_partition_are_handled_side_by_side() {
    let scene = Scene::new(1);
    scene.fill(40);
    let gate = Gate::default();
    let wait = gate.clone();
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer()
        .concurrency(6)
        .ordering(Ordering::None)
        .start(move |msg: ConsumerContext| {
            if msg.offset() == 0 {
                wait.pass();
            }
            notes.note(&msg);
            msg.commit()
        });
    // The first one holds back the offset, but nothing else.
    soon(|| journal.len() == 39);
    assert_eq!(scene.committed(0), None);
    assert_eq!(handle.status().fetched(), 40);
    gate.open();
    soon(|| scene.committed(0) == Some(40));
    stop(&handle);
    assert_eq!(journal.distinct(), 40);
    assert_eq!(journal.len(), 40);
}

/// A slow key fills the bounds. The other keys continue until then, and afterwards.
#[test]
fn a_key_that_is_stuck_bounds_what_is_fetched() {
    let scene = Scene::new(1);
    fill_keyed(&scene, 2000, 5);
    let gate = Gate::default();
    let wait = gate.clone();
    let journal = Journal::default();
    let notes = journal.clone();
    let config = scene.config().max_in_flight(100);
    let handle = scene
        .consumer_of(config)
        .concurrency(4)
        .ordering(Ordering::Key)
        .start(move |msg: ConsumerContext| {
            if msg.key() == Some(b"key-0") {
                wait.pass();
            }
            notes.note(&msg);
            msg.commit()
        });
    let is_full = || {
        let status = handle.status();
        status.assignment.iter().any(|p| p.paused) && journal.len() >= 80
    };
    soon(is_full);
    let status = handle.status();
    assert!(status.fetched() <= 200, "{status:#?}");
    let stuck = status.oldest_in_flight.expect("a message in flight");
    assert_eq!(stuck.offset % 5, 0);
    assert_eq!(scene.committed(0), None);
    gate.open();
    soon(|| scene.committed(0) == Some(2000));
    stop(&handle);
    assert_eq!(journal.len(), 2000);
}

/// Compares every commit that the broker accepted with the end of every handler. Both use the
/// clock of this machine.
#[test]
fn no_commit_on_the_broker_passes_a_message_whose_handler_had_not_ended() {
    const COUNT: usize = 3000;
    let scene = Scene::new(1);
    fill_keyed(&scene, COUNT, 17);
    let ended: Arc<Mutex<HashMap<i64, u128>>> = Arc::default();
    let notes = Arc::clone(&ended);
    let config = scene.config().commit_interval(Duration::from_millis(5));
    let handle = scene
        .consumer_of(config)
        .concurrency(8)
        .ordering(Ordering::Key)
        .retry_backoff(Backoff::fixed(Duration::from_millis(20)).jitter(1.0))
        .start(move |msg: ConsumerContext| {
            let number = msg.offset() as u64;
            // Delays and failures that look random and are the same in each run.
            let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            thread::sleep(Duration::from_micros(random % 3000));
            if random.is_multiple_of(11) && msg.attempt() <= 2 {
                return Err(HandlerError::new("not yet"));
            }
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            notes
                .lock()
                .unwrap()
                .insert(msg.offset(), now.unwrap().as_millis());
            msg.commit()
        });
    ready(&handle);
    let mut count = COUNT;
    soon(|| scene.committed(0) == Some(count as i64));
    // A margin, because a commit may take long on a busy machine.
    soon(|| {
        if handle.status().commits > 50 {
            return true;
        }
        fill_keyed(&scene, COUNT / 10, 17);
        count += COUNT / 10;
        soon(|| scene.committed(0) == Some(count as i64));
        false
    });
    stop(&handle);
    let ended = ended.lock().unwrap();
    let commits = scene.kafka.commits_of(&scene.group);
    assert!(commits.len() > 50, "only {} commits", commits.len());
    let mut passed = 0;
    for commit in &commits {
        assert!(commit.offset >= passed, "back from {passed}: {commit:?}");
        for offset in passed..commit.offset {
            let end = ended[&offset];
            let committed_at = u128::try_from(commit.committed_at_ms).unwrap();
            assert!(
                end <= committed_at,
                "{commit:?} passes {offset}, which ended at {end}"
            );
        }
        passed = commit.offset;
    }
    assert_eq!(passed, count as i64);
}

#[test]
fn commit_sync_errs_at_once_while_a_message_before_it_is_unfinished() {
    let scene = Scene::new(1);
    scene.fill(2);
    let gate = Gate::default();
    let wait = gate.clone();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&told);
    let handle = scene
        .consumer()
        .concurrency(2)
        .ordering(Ordering::None)
        .start(move |msg: ConsumerContext| {
            if msg.offset() == 0 {
                wait.pass();
                return msg.commit_sync();
            }
            if let Err(error) = msg.commit_sync() {
                notes.lock().unwrap().push(error.to_string());
            }
            msg.commit()
        });
    soon(|| told.lock().unwrap().len() == 1);
    let expected = format!(
        "the offset of {}-0 cannot be committed: messages before it are unfinished",
        scene.topic
    );
    assert_eq!(told.lock().unwrap()[0], expected);
    assert_eq!(scene.committed(0), None);
    gate.open();
    soon(|| scene.committed(0) == Some(2));
    stop(&handle);
}
