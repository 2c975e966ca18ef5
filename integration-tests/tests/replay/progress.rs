use crate::support::{Scene, complete};
use integration_tests::{SOON, soon, unique};
use rws_kafka::{
    ConsumerError, KafkaProducer, LeftReason, Observer, ProducerConfig, ReplayPartition,
    ReplayTimestamp,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn letters_that_come_meanwhile_are_left_for_the_next_run() {
    let scene = Scene::new(1);
    scene.fill(40);
    let handle = scene.replay().rate(20).start().unwrap();
    soon(|| handle.status().replayed > 0);
    scene.fill(5);
    let report = handle.join_timeout(SOON).expect("it ends");
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.status.replayed, report.status.total), (40, 40));
    assert_eq!(scene.written().len(), 40);
    let report = complete(&scene.replay());
    assert_eq!((report.status.replayed, report.already_passed), (5, 40));
    assert_eq!(report.possibly_twice, 0);
}

/// By the broker's clock.
#[test]
fn the_rate_is_kept() {
    let settings = [("message.timestamp.type", "LogAppendTime")];
    let scene = Scene::with(1, &settings);
    scene.fill(60);
    complete(&scene.replay().rate(20));
    let written = scene.written();
    let times: Vec<i64> = written.iter().filter_map(|it| it.timestamp_ms).collect();
    assert_eq!(times.len(), 60);
    // 59 gaps of 50 ms, in whole milliseconds.
    let span = times[59] - times[0];
    assert!(span >= 59 * 50 - 1, "{span} ms");
}

#[test]
fn a_stop_commits_what_is_acknowledged_and_the_next_run_goes_on_from_there() {
    let scene = Scene::new(2);
    scene.fill(300);
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let replay = scene.replay().batch_size(10).on_progress(move |status| {
        notes.lock().unwrap().push(status.clone());
    });
    let handle = replay.clone().rate(100).start().unwrap();
    soon(|| handle.status().replayed >= 20);
    let stopped = handle.stop(SOON);
    assert!(
        stopped.error.is_none() && stopped.uncommitted == 0,
        "{stopped:?}"
    );
    assert!(!stopped.is_complete(), "{stopped:?}");
    let status = &stopped.status;
    assert_eq!(status.total, 300);
    assert_eq!(status.done + status.to_come, 300);
    assert_eq!(status.done, status.replayed);
    let committed = scene.committed(0).unwrap() + scene.committed(1).unwrap();
    assert_eq!(committed as u64, status.replayed);

    let report = complete(&replay);
    assert_eq!(report.status.replayed, 300 - status.replayed);
    assert_eq!(report.possibly_twice, 0);
    let mut payloads: Vec<usize> = scene
        .written()
        .iter()
        .map(|it| it.payload_text().parse().unwrap())
        .collect();
    payloads.sort_unstable();
    assert_eq!(payloads, (0..300).collect::<Vec<_>>());
    let told = told.lock().unwrap();
    assert!(told.len() >= 30, "{}", told.len());
    assert_eq!(told.last().unwrap().to_come, 0);
}

#[test]
fn of_two_replays_of_one_group_the_later_one_goes_on() {
    let scene = Scene::new(1);
    scene.fill(200);
    let first = scene.replay().batch_size(5).rate(20).start().unwrap();
    soon(|| first.status().replayed >= 5);
    let second = scene.replay().start().unwrap();
    let report = first.join_timeout(SOON).expect("it ends");
    let error = report.error.expect("a reason");
    assert!(
        matches!(error, ConsumerError::ReplayTaken { .. }),
        "{error}"
    );
    let second = second.join_timeout(SOON).expect("it ends");
    assert!(second.is_complete(), "{second:?}");
    let mut payloads = scene.payloads();
    payloads.dedup();
    assert_eq!(payloads.len(), 200);
}

/// Brokers refuse a whole batch because of one record: the others must still be replayed.
#[test]
fn letters_that_their_topic_never_takes_are_left_by_cause_and_the_others_come_back() {
    let scene = Scene::with(1, &[("max.message.bytes", "1000")]);
    let (payload, large) = ("x".repeat(300), "x".repeat(5_000));
    for _ in 0..10 {
        scene.send(scene.letter(&payload));
    }
    scene.send(scene.letter(&large));
    let far_ahead = scene.letter("future");
    let far_ahead = far_ahead.header("rws-dlq-original-timestamp", "200000000000000");
    scene.send(far_ahead);
    let elsewhere = scene.letter("elsewhere");
    scene.send(elsewhere.header("rws-dlq-original-partition", "9"));
    for _ in 0..10 {
        scene.send(scene.letter(&payload));
    }
    scene.flush();
    let replay = scene.replay().timestamp(ReplayTimestamp::Original);
    let report = complete(&replay.partition(ReplayPartition::Original));
    let left = [
        (LeftReason::UnknownTopic, 1),
        (LeftReason::TooLarge, 1),
        (LeftReason::Refused, 1),
    ];
    assert_eq!(report.status.left, BTreeMap::from(left));
    assert_eq!((report.status.replayed, report.possibly_twice), (20, 0));
    assert_eq!(scene.payloads(), vec![payload; 20]);
    assert_eq!(scene.committed(0), Some(23));
}

#[test]
fn a_panicking_predicate_ends_the_replay() {
    let scene = Scene::new(1);
    scene.fill(1);
    let handle = scene
        .replay()
        .matching(|_| panic!("on purpose"))
        .start()
        .unwrap();
    let report = handle.join_timeout(SOON).expect("it ends");
    let error = report.error.expect("a reason").to_string();
    let expected = format!(
        "the replay's predicate panicked on {}-0 offset 0: on purpose",
        scene.queue
    );
    assert!(error.ends_with(&expected), "{error}");
    assert_eq!(scene.written(), []);
}

#[test]
fn a_run_of_some_offsets_does_not_forget_what_an_interrupted_one_wrote() {
    let scene = Scene::new(2);
    scene.fill(60);
    let replay = scene.replay().batch_size(10);
    let looked = AtomicUsize::new(0);
    let interrupted = replay.clone().matching(move |_| {
        assert!(looked.fetch_add(1, Ordering::SeqCst) < 5, "on purpose");
        true
    });
    let handle = interrupted.start().unwrap();
    let report = handle.join_timeout(SOON).expect("it ends");
    assert_eq!(report.uncommitted, 5);

    let some = replay.clone().offsets(0, ..1).offsets(1, ..);
    assert_eq!(complete(&some).possibly_twice, 10);
    let report = complete(&replay);
    assert_eq!((report.status.replayed, report.possibly_twice), (29, 10));
    assert_eq!(complete(&replay).possibly_twice, 0);
}

/// As an exactly-once worker writes them.
#[test]
fn letters_of_transactions_are_replayed_to_the_end() {
    let scene = Scene::new(1);
    let config = ProducerConfig::new(scene.kafka.bootstrap()).unwrap();
    let config = config.observer(Observer::new());
    let producer = KafkaProducer::transactional(config, unique("replay")).unwrap();
    for payload in ["0", "1"] {
        let transaction = producer.begin().unwrap();
        transaction.send_record(scene.letter(payload)).unwrap();
        transaction.commit().unwrap();
    }
    let report = complete(&scene.replay());
    // Each has a mark behind it.
    assert_eq!((report.status.replayed, report.status.total), (2, 4));
    assert_eq!(scene.payloads(), ["0", "1"]);
    assert_eq!(scene.committed(0), Some(4));
}
