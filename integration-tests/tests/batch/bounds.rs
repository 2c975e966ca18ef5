//! The size of batches, and when they are handed out.

use crate::support::{Journal, NEVER, Scene};
use integration_tests::{Gate, SOON, soon, stop};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

#[test]
fn a_batch_has_as_many_messages_as_it_may_and_the_next_waits_for_its_own() {
    let scene = Scene::new(2);
    scene.fill(25);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene.consumer().start_batch(move |batch| {
        notes.note(batch);
        batch.commit()
    });
    soon(|| scene.all_committed() == [20, 20]);
    let status = handle.status();
    assert_eq!((status.in_flight, status.fetched()), (0, 10));
    scene.fill(5);
    soon(|| scene.all_committed() == [30, 30]);
    stop(&handle);
    for partition in 0..2 {
        let batches = journal.of(partition);
        let sizes: Vec<usize> = batches.iter().map(|(offsets, _)| offsets.len()).collect();
        assert_eq!(sizes, [10; 3]);
        assert_eq!(journal.offsets(partition), (0..30).collect::<Vec<_>>());
    }
}

#[test]
fn a_lone_message_waits_for_others_and_no_longer() {
    let scene = Scene::new(1);
    let wait = Duration::from_millis(300);
    let (tell, told) = channel();
    let handle = scene
        .consumer()
        .batch_max_wait(wait)
        .start_batch(move |batch| {
            tell.send((Instant::now(), batch.len())).unwrap();
            batch.commit()
        });
    assert!(handle.wait_ready(SOON));
    let sent = Instant::now();
    scene.fill(1);
    let (handled, messages) = told.recv_timeout(SOON).unwrap();
    assert_eq!(messages, 1);
    assert!(handled - sent >= wait);
    soon(|| scene.committed(0) == Some(1));
    stop(&handle);
}

/// The messages fetched fill the share long before the batch is full: it is handed out as it is.
#[test]
fn a_batch_larger_than_what_may_be_in_flight_goes_out_at_what_fits() {
    let scene = Scene::new(2);
    scene.fill(500);
    let journal = Journal::default();
    let notes = journal.clone();
    let config = scene.config().max_in_flight(100);
    let handle = scene
        .consumer_of(config)
        .batch_max_messages(100_000)
        .batch_max_wait(NEVER)
        .start_batch(move |batch| {
            notes.note(batch);
            batch.commit()
        });
    // Except for the last messages, which are less than a share.
    soon(|| (0..2).all(|partition| journal.offsets(partition).len() > 450));
    stop(&handle);
    for partition in 0..2 {
        let offsets = journal.offsets(partition);
        assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>());
    }
    // A share of 50, and the messages fetched before that limit took effect.
    let largest = journal.all().iter().map(|given| given.offsets.len()).max();
    assert!(largest <= Some(100), "{largest:?}");
}

#[test]
fn a_batch_larger_than_the_bytes_in_flight_goes_out_at_what_fits() {
    let scene = Scene::new(1);
    scene.send_to(0..scene.partitions, vec![vec![b'x'; 1000]; 300]);
    let journal = Journal::default();
    let notes = journal.clone();
    let config = scene.config().max_in_flight_bytes(20_000);
    let handle = scene
        .consumer_of(config)
        .batch_max_messages(100_000)
        .batch_max_bytes(100_000_000)
        .batch_max_wait(NEVER)
        .start_batch(move |batch| {
            notes.note(batch);
            batch.commit()
        });
    soon(|| journal.messages() > 280);
    stop(&handle);
    let offsets = journal.offsets(0);
    assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>());
}

#[test]
fn a_message_larger_than_a_batch_may_be_is_a_batch_by_itself() {
    let scene = Scene::new(1);
    let sizes = [100, 300, 5000, 5000, 100, 800, 300, 1000, 1, 5000];
    let payloads: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
    scene.send_to(0..scene.partitions, &payloads);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = scene
        .consumer_of(scene.config())
        .batch_max_bytes(1000)
        .start_batch(move |batch| {
            notes.note(batch);
            batch.commit()
        });
    soon(|| scene.committed(0) == Some(10));
    stop(&handle);
    assert_eq!(journal.offsets(0), (0..10).collect::<Vec<_>>());
    for given in journal.all() {
        let is_within = given.bytes <= 1000 || given.offsets.len() == 1;
        assert!(is_within, "{given:?}");
    }
}

#[test]
fn a_paused_worker_gathers_and_hands_out_nothing() {
    let scene = Scene::new(1);
    let (journal, gate) = (Journal::default(), Gate::default());
    let (notes, wait) = (journal.clone(), gate.clone());
    let handle = scene.consumer().start_batch(move |batch| {
        notes.note(batch);
        wait.pass();
        batch.commit()
    });
    scene.fill(10);
    soon(|| handle.status().in_flight == 10);
    handle.pause();
    scene.fill(10);
    gate.open();
    // Batches in flight continue; gathered messages stay where they are.
    soon(|| scene.committed(0) == Some(10));
    soon(|| handle.status().fetched() == 10);
    assert_eq!(journal.messages(), 10);
    handle.resume();
    soon(|| scene.committed(0) == Some(20));
    stop(&handle);
}
