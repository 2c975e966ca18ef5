//! Lag in each state of a consumer, compared with the broker's own `kafka-consumer-groups`.

use crate::support::{Scene, lag_on};
use integration_tests::{Gate, Kafka, SOON, eventually, ready, soon, stop};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rws_kafka_config::OffsetReset;
use rws_kafka_consumer::{ConsumerContext, ConsumerHandle};
use rws_kafka_observe::{ConsumerState, Observer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Returns the lag of each partition in the tool's words; nothing for `-`.
fn tool(scene: &Scene<'_>) -> BTreeMap<i32, Option<i64>> {
    let table = Kafka::shared().tool(
        "kafka-consumer-groups",
        &["--describe", "--group", &scene.group],
    );
    let rows = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_ours = columns.first() == Some(&scene.group.as_str())
            && columns.get(1) == Some(&scene.topic.as_str());
        is_ours.then(|| {
            let partition = columns[2].parse().expect("a partition");
            (partition, columns[5].parse().ok())
        })
    });
    rows.collect()
}

/// Waits until page and tool agree on the lags of the partitions from 0.
#[track_caller]
fn agree(scene: &Scene<'_>, lags: &[i64]) {
    on_page(scene, lags);
    let wanted: BTreeMap<i32, Option<i64>> = (0..).zip(lags.iter().copied().map(Some)).collect();
    let mut told = BTreeMap::new();
    // One run of the tool takes seconds.
    for _ in 0..10 {
        told = tool(scene);
        if told == wanted {
            return on_page(scene, lags);
        }
    }
    panic!("kafka-consumer-groups shows {told:?}, the page {lags:?}");
}

/// Waits until the page shows these lags of the partitions from 0.
#[track_caller]
fn on_page(scene: &Scene<'_>, lags: &[i64]) {
    let mut shown = Vec::new();
    let mut is_there = || {
        shown = (0..)
            .zip(lags)
            .map(|(partition, _)| scene.lag(partition))
            .collect();
        shown
            .iter()
            .zip(lags)
            .all(|(shown, lag)| *shown == Some(*lag))
    };
    let end = std::time::Instant::now() + SOON;
    while !is_there() {
        if std::time::Instant::now() > end {
            panic!("the page shows {shown:?}, not {lags:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Returns a worker that commits what is below `limit` and holds the rest until the gate opens.
fn held_at(scene: &Scene<'_>, limit: i64) -> (ConsumerHandle, Gate) {
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() >= limit {
            wait.pass();
        }
        msg.commit()
    });
    (handle, gate)
}

/// Handles everything with a worker, and stops it.
fn handle_all(scene: &Scene<'_>) {
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    let end = scene.kafka.end_offset(&scene.topic, 0);
    let committed = || scene.kafka.committed_offset(&scene.group, &scene.topic, 0);
    soon(|| committed() == Some(end));
    stop(&handle);
}

#[test]
fn of_a_consumer_that_is_behind_and_then_idle() {
    let scene = Scene::new(1);
    scene.fill(0..1, 30);
    let (handle, gate) = held_at(&scene, 10);
    agree(&scene, &[20]);
    assert_eq!(scene.observer.readiness().consumer_lag(), Some(20));
    scene.fill(0..1, 5);
    agree(&scene, &[25]);
    gate.open();
    agree(&scene, &[0]);
    assert_eq!(scene.observer.readiness().consumer_lag(), Some(0));
    stop(&handle);
    assert_eq!(scene.lag(0), None);
}

#[test]
fn of_a_consumer_that_is_paused_grows_with_what_is_sent() {
    let scene = Scene::new(1);
    scene.fill(0..1, 5);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    agree(&scene, &[0]);
    handle.pause();
    scene.fill(0..1, 25);
    agree(&scene, &[25]);
    scene.fill(0..1, 10);
    agree(&scene, &[35]);
    handle.resume();
    agree(&scene, &[0]);
    stop(&handle);
}

#[test]
fn of_a_partition_goes_with_it_from_one_consumer_to_another() {
    let scene = Scene::new(2);
    scene.fill(0..2, 8);
    handle_all(&scene);
    on_both_committed(&scene, 8);
    scene.fill(0..2, 20);

    let gate = Gate::default();
    let start = |observer: &Observer| {
        let wait = gate.clone();
        let config = scene.config(OffsetReset::Earliest);
        let consumer = scene.consumer_of(config.observer(observer.clone()));
        consumer.start(move |msg: ConsumerContext| {
            wait.pass();
            msg.commit()
        })
    };
    let (first, second) = (Observer::new(), Observer::new());
    let lags_on = |observer: &Observer| [0, 1].map(|partition| lag_on(observer, &scene, partition));
    let leaving = start(&first);
    ready(&leaving);
    soon(|| lags_on(&first) == [Some(20); 2]);
    assert_eq!(tool(&scene), BTreeMap::from([(0, Some(20)), (1, Some(20))]));

    // A handler of the first has a message, and its partition waits for it.
    let joining = start(&second);
    gate.open();
    soon(|| {
        let (one, other) = (lags_on(&first), lags_on(&second));
        let is_split = one[0].is_some() != one[1].is_some();
        is_split && (0..2).all(|partition| one[partition].is_some() != other[partition].is_some())
    });
    stop(&leaving);
    soon(|| lags_on(&first) == [None; 2]);
    soon(|| lags_on(&second) == [Some(0); 2]);
    assert_eq!(tool(&scene), BTreeMap::from([(0, Some(0)), (1, Some(0))]));
    stop(&joining);
    assert_eq!(lags_on(&second), [None; 2]);
}

#[track_caller]
fn on_both_committed(scene: &Scene<'_>, offset: i64) {
    for partition in 0..2 {
        let committed = || {
            scene
                .kafka
                .committed_offset(&scene.group, &scene.topic, partition)
        };
        assert_eq!(committed(), Some(offset));
    }
}

#[test]
fn on_a_compacted_topic_is_in_offsets() {
    let scene = Scene::with(
        1,
        &[
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("max.compaction.lag.ms", "100"),
            ("segment.ms", "100"),
        ],
    );
    scene.fill(0..1, 6);
    handle_all(&scene);
    scene.fill(0..1, 40);
    // A new segment, because the active one is not compacted.
    let offsets = || {
        scene.fill(0..1, 1);
        let read = scene
            .kafka
            .kcat(&["-C", "-e", "-q", "-t", &scene.topic, "-f", "%o\n"]);
        String::from_utf8(read).unwrap().lines().count()
    };
    eventually(2 * SOON, || offsets() < 30);

    let end = scene.kafka.end_offset(&scene.topic, 0);
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        wait.pass();
        count.fetch_add(1, Ordering::Relaxed);
        msg.commit()
    });
    agree(&scene, &[end - 6]);
    gate.open();
    agree(&scene, &[0]);
    stop(&handle);
    assert!(handled.load(Ordering::Relaxed) < 30, "{handled:?}");
}

#[test]
fn after_a_truncation_is_from_the_commit_until_the_worker_has_passed_it() {
    let scene = Scene::new(1);
    scene.fill(0..1, 5);
    handle_all(&scene);
    scene.fill(0..1, 25);
    // Of what is committed, and beyond.
    scene.delete_before(3);
    let (handle, gate) = held_at(&scene, 5);
    agree(&scene, &[25]);
    scene.delete_before(12);
    agree(&scene, &[25]);
    gate.open();
    agree(&scene, &[0]);
    stop(&handle);

    // With nothing left to read there is no work and no commit. The tool still counts offsets that
    // no longer exist.
    scene.fill(0..1, 10);
    scene.delete_before(40);
    let (handle, gate) = held_at(&scene, 0);
    on_page(&scene, &[0]);
    assert_eq!(tool(&scene), BTreeMap::from([(0, Some(10))]));
    assert_eq!(
        scene.observer.readiness().consumer(),
        Some(ConsumerState::Ok)
    );
    // A new message is work again, and the next commit passes the gap.
    scene.fill(0..1, 2);
    soon(|| scene.lag(0).is_some_and(|lag| lag >= 2));
    gate.open();
    agree(&scene, &[0]);
    stop(&handle);
}

fn transactional_producer(scene: &Scene<'_>) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.bootstrap())
        .set("transactional.id", &scene.topic)
        .create()
        .unwrap();
    producer.init_transactions(SOON).unwrap();
    producer
}

#[test]
fn of_an_open_transaction_is_what_can_be_read() {
    let scene = Scene::new(2);
    scene.fill(0..2, 1);
    let (handle, gate) = held_at(&scene, 1);
    agree(&scene, &[0, 0]);
    let producer = transactional_producer(&scene);
    producer.begin_transaction().unwrap();
    let record = BaseRecord::<str, str>::to(&scene.topic).partition(0);
    producer.send(record.payload("open")).unwrap();
    producer.flush(SOON).unwrap();
    // Behind it, and beside it.
    scene.fill(0..2, 1);
    // Both partitions are checked at the same time.
    on_page(&scene, &[0, 1]);
    let told = tool(&scene);
    assert_eq!(told, BTreeMap::from([(0, Some(2)), (1, Some(1))]));
    producer.abort_transaction(SOON).unwrap();
    soon(|| scene.lag(0).is_some_and(|lag| lag > 0));
    gate.open();
    on_page(&scene, &[0, 0]);
    stop(&handle);
}

#[test]
fn is_0_where_only_the_marks_of_transactions_are_left() {
    let scene = Scene::new(1);
    let producer = transactional_producer(&scene);
    for payload in ["one", "two"] {
        producer.begin_transaction().unwrap();
        let record = BaseRecord::<str, str>::to(&scene.topic).payload(payload);
        producer.send(record).unwrap();
        producer.commit_transaction(SOON).unwrap();
    }
    // The broker writes the last mark after its answer.
    soon(|| scene.kafka.end_offset(&scene.topic, 0) == 4);
    let (handle, gate) = held_at(&scene, 1);
    soon(|| scene.lag(0) == Some(3));
    gate.open();
    // The tool counts the marker after the last message, which cannot be handled or committed.
    on_page(&scene, &[0]);
    assert_eq!(tool(&scene), BTreeMap::from([(0, Some(1))]));
    stop(&handle);
}

#[test]
fn is_absent_where_nothing_is_known_and_counts_from_where_the_worker_began() {
    let scene = Scene::new(1);
    scene.fill(0..1, 10);
    let gate = Gate::default();
    let wait = gate.clone();
    let consumer = scene.consumer_of(scene.config(OffsetReset::Latest));
    let handle = consumer.start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    assert_eq!(scene.lag(0), None);
    ready(&handle);
    // The group starts at the end: older messages are not lag, although nothing is committed.
    on_page(&scene, &[0]);
    assert_eq!(tool(&scene), BTreeMap::from([(0, None)]));
    scene.fill(0..1, 4);
    on_page(&scene, &[4]);
    gate.open();
    agree(&scene, &[0]);
    stop(&handle);
}

#[test]
fn leaves_the_page_while_the_broker_does_not_answer() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, 1, &[]);
    scene.fill(0..1, 3);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    on_page(&scene, &[0]);
    kafka.pause();
    soon(|| scene.lag(0).is_none() && scene.observer.readiness().consumer_lag().is_none());
    let status = scene.observer.status();
    assert_eq!(status.consumers[0].lag, None);
    assert_eq!(status.consumers[0].partitions[0].lag, None);
    kafka.unpause();
    on_page(&scene, &[0]);
    stop(&handle);
}
