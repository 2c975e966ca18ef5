use crate::support::{Scene, complete};
use integration_tests::{SOON, soon, unique};
use rws_kafka::{
    ConsumerConfig, ConsumerContext, ConsumerError, HandlerError, KafkaConsumer, Observer, Record,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn what_a_fault_sent_to_the_queue_is_handled_once_it_is_mended() {
    let scene = Scene::new(2);
    for number in 0..20 {
        let payload = number.to_string();
        scene.send(Record::to(&scene.topic).key(&payload).payload(&payload));
    }
    scene.flush();
    let mended = Arc::new(AtomicBool::new(false));
    let handled = Arc::new(Mutex::new(Vec::new()));
    let config = ConsumerConfig::new(scene.kafka.bootstrap(), unique("worker")).unwrap();
    let (is_mended, notes) = (Arc::clone(&mended), Arc::clone(&handled));
    let handle = KafkaConsumer::new(config.observer(Observer::new()))
        .unwrap()
        .subscribe([&scene.topic])
        .unwrap()
        .dead_letter_queue("{topic}.dlq")
        .start(move |msg: ConsumerContext| {
            let number: usize = msg.payload_str()?.parse()?;
            if number % 2 == 1 && !is_mended.load(Ordering::SeqCst) {
                return Err(HandlerError::new("not yet").permanent());
            }
            notes.lock().unwrap().push(number);
            msg.commit()
        });
    let letters = || -> i64 {
        let numbers = 0..scene.partitions;
        numbers
            .map(|it| scene.kafka.end_offset(&scene.queue, it))
            .sum()
    };
    soon(|| letters() == 10 && handled.lock().unwrap().len() == 10);
    mended.store(true, Ordering::SeqCst);
    let preview = scene.replay().dry_run().unwrap();
    assert_eq!(preview.by_reason.get("not yet"), Some(&10));
    let report = complete(&scene.replay());
    assert_eq!(report.status.replayed, 10);
    soon(|| handled.lock().unwrap().len() == 20);
    assert!(handle.stop().is_clean());
    let mut all = handled.lock().unwrap().clone();
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    assert_eq!(letters(), 10);
}

/// It is replayed three times, and then stays: a message that never succeeds is not replayed
/// forever.
#[test]
fn what_fails_each_time_is_left_in_the_end() {
    let scene = Scene::new(1);
    scene.send(Record::to(&scene.topic).payload("poison"));
    scene.flush();
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let config = ConsumerConfig::new(scene.kafka.bootstrap(), unique("worker")).unwrap();
    let handle = KafkaConsumer::new(config.observer(Observer::new()))
        .unwrap()
        .subscribe([&scene.topic])
        .unwrap()
        .dead_letter_queue("{topic}.dlq")
        .start(move |_: ConsumerContext| {
            count.fetch_add(1, Ordering::SeqCst);
            Err(HandlerError::new("never").permanent())
        });
    for round in 1..=4 {
        soon(|| scene.kafka.end_offset(&scene.queue, 0) == round);
        let report = complete(&scene.replay());
        assert_eq!(
            report.status.replayed,
            u64::from(round < 4),
            "round {round}"
        );
    }
    assert!(handle.stop().is_clean());
    assert_eq!(attempts.load(Ordering::SeqCst), 4);
}

#[test]
fn the_group_of_a_worker_is_refused_by_name() {
    let scene = Scene::new(1);
    scene.fill(1);
    let group = unique("worker");
    let config = ConsumerConfig::new(scene.kafka.bootstrap(), &group).unwrap();
    let handle = KafkaConsumer::new(config.observer(Observer::new()))
        .unwrap()
        .subscribe([&scene.topic])
        .unwrap()
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| !handle.status().assignment.is_empty());
    let replay = scene.replay().group(&group).start().unwrap();
    let report = replay.join_timeout(SOON).expect("it ends");
    let error = report.error.expect("a reason");
    assert!(
        matches!(error, ConsumerError::CommitRefused { .. }),
        "{error:?}"
    );
    let expected = format!("group {group}, which must have no members: ");
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(scene.written(), []);
    assert!(handle.stop().is_clean());
}
