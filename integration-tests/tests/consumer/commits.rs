//! What `commit` and `commit_sync` do, and when.

use integration_tests::{Gate, Journal, Scene, soon, stop};
use rws_kafka_consumer::{Backoff, ConsumerContext, HandlerError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn an_error_cancels_the_commit() {
    let scene = Scene::new(1);
    scene.fill(1);
    let journal = Journal::default();
    let notes = journal.clone();
    let may_succeed = Arc::new(AtomicBool::new(false));
    let is_allowed = Arc::clone(&may_succeed);
    let config = scene.config().commit_interval(Duration::from_millis(5));
    let handle = scene
        .consumer_of(config)
        .retry_backoff(Backoff::new(
            Duration::from_millis(50),
            Duration::from_millis(50),
        ))
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()?;
            if is_allowed.load(Ordering::Relaxed) {
                return Ok(());
            }
            Err(HandlerError::new("after the commit"))
        });
    // Ten commit intervals between two attempts.
    soon(|| journal.len() >= 5);
    assert_eq!(scene.committed(0), None);
    may_succeed.store(true, Ordering::Relaxed);
    soon(|| scene.committed(0) == Some(1));
    stop(&handle);
}

#[test]
fn a_message_handled_without_a_commit_triggers_none_and_a_later_one_covers_it() {
    let scene = Scene::new(1);
    scene.fill(20);
    let run = |commit_at: Option<i64>, until: i64| {
        let journal = Journal::default();
        let notes = journal.clone();
        let handle = scene.consumer().start(move |msg: ConsumerContext| {
            if commit_at == Some(msg.offset()) {
                msg.commit()?;
            }
            notes.note(&msg);
            Ok(())
        });
        soon(|| journal.of(0).last() == Some(&until));
        soon(|| handle.status().assignment[0].fetched == 0);
        stop(&handle);
        journal.of(0)[0]
    };
    assert_eq!(run(None, 19), 0);
    assert_eq!(scene.committed(0), None);
    assert_eq!(run(Some(7), 19), 0);
    assert_eq!(scene.committed(0), Some(8));
    assert_eq!(run(None, 19), 8);
    assert_eq!(scene.committed(0), Some(8));
}

#[test]
fn commit_sync_is_on_the_broker_when_it_returns() {
    let scene = Arc::new(Scene::new(3));
    scene.fill(5);
    let journal = Journal::default();
    let (asker, notes) = (Arc::clone(&scene), journal.clone());
    let handle = scene
        .consumer()
        .concurrency(3)
        .start(move |msg: ConsumerContext| {
            msg.commit_sync()?;
            let committed = asker.committed(msg.partition());
            if committed != Some(msg.offset() + 1) {
                return Err(HandlerError::new(format!("{msg:?}: {committed:?}")));
            }
            notes.note(&msg);
            Ok(())
        });
    soon(|| journal.len() >= 15 || handle.status().in_flight == 0);
    soon(|| journal.len() >= 15);
    stop(&handle);
    assert!(journal.all().iter().all(|given| given.attempt == 1));
    journal.assert_each_once(&[5; 3]);
}

#[test]
fn a_stop_waits_for_a_commit_sync() {
    let scene = Scene::new(1);
    scene.fill(1);
    let stopping = Gate::default();
    let begun = Gate::default();
    let (wait, begin) = (stopping.clone(), begun.clone());
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        begin.open();
        wait.pass();
        msg.commit_sync()
    });
    begun.pass();
    handle.initiate_stop();
    stopping.open();
    let report = handle.join();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(scene.committed(0), Some(1));
}

#[test]
fn a_message_that_was_kept_can_be_committed_later() {
    let scene = Scene::new(1);
    scene.fill(3);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        keep.lock().unwrap().push(msg);
        Ok(())
    });
    soon(|| kept.lock().unwrap().len() == 3);
    soon(|| handle.status().assignment[0].fetched == 0);
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(scene.committed(0), None);
    kept[1].commit().unwrap();
    soon(|| scene.committed(0) == Some(2));
    // A commit of an earlier offset changes nothing. A later one advances, also from another
    // thread.
    kept[0].commit().unwrap();
    kept[0].commit_sync().unwrap();
    assert_eq!(scene.committed(0), Some(2));
    std::thread::scope(|scope| {
        scope.spawn(|| kept[2].commit_sync().unwrap());
    });
    assert_eq!(scene.committed(0), Some(3));
    stop(&handle);
}
