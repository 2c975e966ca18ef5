//! A worker that ends with batches in flight.

use crate::support::{Journal, Scene};
use integration_tests::{Gate, soon};
use std::thread;
use std::time::Duration;

#[test]
fn a_stop_waits_for_the_batches_in_hand() {
    let scene = Scene::new(4);
    scene.fill(25);
    let (journal, gate) = (Journal::default(), Gate::default());
    let (notes, wait) = (journal.clone(), gate.clone());
    let handle = scene.consumer().concurrency(4).start_batch(move |batch| {
        wait.pass();
        notes.note(batch);
        batch.commit()
    });
    soon(|| handle.status().in_flight == 40 && handle.status().fetched() == 100);
    let stopping = thread::spawn({
        let handle = handle.clone();
        move || handle.stop()
    });
    soon(|| handle.join_timeout(Duration::from_millis(300)).is_none());
    assert!(!stopping.is_finished());
    gate.open();
    let report = stopping.join().unwrap();
    assert!(report.is_clean(), "{report:?}");
    // Gathered messages come again, even a whole batch.
    assert_eq!(report.unstarted, 60);
    assert_eq!(journal.messages(), 40);
    assert_eq!(scene.all_committed(), [10; 4]);
}

#[test]
fn a_stop_that_is_over_before_the_handler_keeps_what_was_committed_up_to() {
    let scene = Scene::new(1);
    scene.fill(10);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start_batch(move |batch| {
        batch.commit_up_to(6)?;
        wait.pass();
        batch.commit()
    });
    // While the handler is still running.
    soon(|| scene.committed(0) == Some(7) && handle.status().in_flight == 3);
    let report = handle.stop_within(Duration::from_millis(500));
    assert_eq!((report.unfinished, report.unstarted), (3, 0), "{report:?}");
    gate.open();
    soon(|| handle.status().in_flight == 0);
    assert_eq!(scene.committed(0), Some(7));
    // Its successor continues there.
    let journal = Journal::default();
    let notes = journal.clone();
    let consumer = scene.consumer().batch_max_wait(Duration::ZERO);
    let successor = consumer.start_batch(move |batch| {
        notes.note(batch);
        batch.commit()
    });
    soon(|| scene.committed(0) == Some(10));
    integration_tests::stop(&successor);
    assert_eq!(journal.offsets(0), [7, 8, 9]);
}
