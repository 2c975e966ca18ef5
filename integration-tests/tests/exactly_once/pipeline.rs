use crate::support::Scene;
use integration_tests::jobs::copier::copy;
use integration_tests::{ready, soon, stop};
use rws_kafka_consumer::GroupProtocol;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn each_result_is_read_once_and_in_order_and_its_offset_is_committed() {
    let scene = Scene::new(3);
    scene.fill(2000);
    let handle = scene.exactly_once().start(copy(&scene.sink));
    scene.wait_until_committed(2000, &handle);
    soon(|| scene.read(&scene.sink).concat().len() == 6000);
    scene.assert_each_once(2000);
    stop(&handle);
}

#[test]
fn a_stop_commits_what_is_done_and_a_successor_goes_on_from_there() {
    let scene = Scene::new(2);
    scene.fill(3000);
    let mut config = scene.config();
    // Longer than the test takes to stop: only the stop commits.
    config = config.commit_interval(Duration::from_secs(4));
    let handled = Arc::new(AtomicUsize::new(0));
    for part in 0..3 {
        let consumer = rws_kafka_consumer::KafkaConsumer::new(config.clone())
            .and_then(|consumer| consumer.subscribe([&scene.topic]))
            .unwrap();
        let (copy, count) = (copy(&scene.sink), Arc::clone(&handled));
        let handle = consumer
            .concurrency(2)
            .exactly_once(&scene.id)
            .producer(scene.producer_config())
            .start(move |msg, out| {
                std::thread::sleep(Duration::from_micros(200));
                count.fetch_add(1, Ordering::Relaxed);
                copy(msg, out)
            });
        ready(&handle);
        if part < 2 {
            let goal = (part + 1) * 1000;
            soon(|| handled.load(Ordering::Relaxed) >= goal);
        } else {
            scene.wait_until_committed(3000, &handle);
        }
        stop(&handle);
    }
    // With nothing killed, nothing is handled twice.
    assert_eq!(handled.load(Ordering::Relaxed), 6000);
    soon(|| scene.read(&scene.sink).concat().len() == 6000);
    scene.assert_each_once(3000);
}

#[test]
fn a_transaction_is_committed_after_so_many_messages() {
    let scene = Scene::new(1);
    scene.fill(1000);
    let config = scene.config().commit_interval(Duration::from_secs(4));
    let consumer = rws_kafka_consumer::KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .unwrap();
    let copy = copy(&scene.sink);
    let handle = consumer
        .exactly_once(&scene.id)
        .producer(scene.producer_config())
        .max_messages(100)
        .start(move |msg, out| {
            // Slower than a commit, which would otherwise include all remaining messages.
            std::thread::sleep(Duration::from_millis(2));
            copy(msg, out)
        });
    scene.wait_until_committed(1000, &handle);
    let commits = handle.status().commits;
    stop(&handle);
    // The number is approximate: a transaction includes what is finished before it closes.
    assert!(commits >= 3, "{commits} transactions");
    scene.assert_each_once(1000);
}

#[test]
fn partitions_that_move_between_workers_are_handled_once() {
    for protocol in ["range", "cooperative-sticky", "the broker's"] {
        let scene = Scene::new(6);
        let start = |number: usize| {
            let config = match protocol {
                "the broker's" => scene.bare_config().group_protocol(GroupProtocol::Consumer),
                strategy => scene
                    .config()
                    .property("partition.assignment.strategy", strategy),
            };
            let copy = copy(&scene.sink);
            rws_kafka_consumer::KafkaConsumer::new(config)
                .and_then(|consumer| consumer.subscribe([&scene.topic]))
                .unwrap()
                .concurrency(3)
                .exactly_once(format!("{}-{number}", scene.id))
                .producer(scene.producer_config())
                .start(move |msg, out| {
                    std::thread::sleep(Duration::from_millis(2));
                    copy(msg, out)
                })
        };
        let committed = || scene.all_committed().iter().sum::<i64>();
        let goes_on = || {
            let before = committed();
            soon(|| committed() > before + 300);
        };
        // Messages keep coming, so that there are some whenever a partition moves.
        let over = AtomicBool::new(false);
        let (second, sent) = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0;
                while !over.load(Ordering::Relaxed) {
                    scene.fill_from(sent, 25);
                    sent += 25;
                    std::thread::sleep(Duration::from_millis(100));
                }
                sent
            });
            let _end = OnDrop(&over);
            let first = start(0);
            goes_on();
            let second = start(1);
            ready(&second);
            soon(|| !second.status().assignment.is_empty());
            goes_on();
            stop(&first);
            goes_on();
            over.store(true, Ordering::Relaxed);
            (second, sender.join().expect("all is sent"))
        });
        scene.wait_until_committed(sent, &second);
        stop(&second);
        soon(|| scene.read(&scene.sink).concat().len() >= 6 * sent);
        scene.assert_each_once(sent);
    }
}

/// Ends the sender of a test that fails.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
