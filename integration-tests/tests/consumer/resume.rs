//! A worker goes on where the last one of its group was.

use crate::support::{Gate, Journal, SOON, Scene, ready, soon, stop};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

#[test]
fn nothing_is_lost_or_handled_twice_over_a_stop() {
    let scene = Scene::new(3);
    scene.fill(2000);
    let journal = Journal::default();
    let reached = Gate::default();
    let start = || {
        let (journal, reached) = (journal.clone(), reached.clone());
        scene
            .consumer()
            .concurrency(2)
            .start(move |msg: ConsumerContext| {
                journal.note(&msg);
                if journal.len() == 1500 {
                    reached.open();
                }
                msg.commit()
            })
    };
    let first = start();
    reached.pass();
    stop(&first);
    let handled: Vec<i64> = (0..3).map(|p| journal.of(p).len() as i64).collect();
    assert_eq!(scene.all_committed(), handled);

    let second = start();
    soon(|| journal.len() >= 6000);
    stop(&second);
    journal.assert_each_once(&[2000; 3]);
    assert_eq!(scene.all_committed(), [2000; 3]);
}

#[test]
fn a_worker_with_latest_offset_reset_begins_at_the_end() {
    let scene = Scene::new(1);
    scene.fill(10);
    let journal = Journal::default();
    let notes = journal.clone();
    let config =
        scene.config_of(|config| config.auto_offset_reset(rws_kafka_config::OffsetReset::Latest));
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    ready(&handle);
    // The position is set a moment after the assignment.
    soon(|| {
        scene.fill(1);
        journal.len() > 0
    });
    assert!(journal.of(0)[0] >= 10);
    stop(&handle);
}

const CHILD: &str = "CONSUMER_TEST_CHILD";

#[test]
fn nothing_is_lost_when_a_process_is_killed() {
    if let Ok(place) = std::env::var(CHILD) {
        let [brokers, group, topic] = place.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{place}");
        };
        return work_until_killed(brokers, group, topic);
    }
    let scene = Scene::new(3);
    scene.fill(3000);
    let journal = Journal::default();
    for _ in 0..2 {
        let (mut worker, lines) = spawn(&scene);
        let goal = journal.len() + 1000;
        take(&lines, &journal, || journal.len() >= goal);
        // SIGKILL, in the middle of the topic.
        worker.kill().unwrap();
        worker.wait().unwrap();
        // What it had printed when it died.
        for line in lines {
            note(&journal, &line);
        }
    }
    let (mut worker, lines) = spawn(&scene);
    take(&lines, &journal, || journal.distinct() >= 9000);
    soon(|| scene.all_committed() == [3000; 3]);
    worker.kill().unwrap();
    worker.wait().unwrap();
    journal.assert_none_lost(&[3000; 3]);
}

fn work_until_killed(brokers: &str, group: &str, topic: &str) {
    let config = KafkaConfig::builder()
        .brokers(brokers)
        .consumer_group(group)
        // The shortest that a broker takes: until then it keeps a killed member's partitions.
        .session_timeout(Duration::from_secs(6))
        .build()
        .unwrap();
    let consumer = KafkaConsumer::new(ConsumerConfig::from(config)).unwrap();
    let handle =
        consumer
            .subscribe([topic])
            .unwrap()
            .concurrency(3)
            .start(|msg: ConsumerContext| {
                println!("handled {} {}", msg.partition(), msg.offset());
                // So that it dies with work left.
                std::thread::sleep(Duration::from_micros(300));
                msg.commit()
            });
    handle.join();
}

/// This test in a process of its own, as a worker.
fn spawn(scene: &Scene<'_>) -> (Child, Receiver<String>) {
    let place = [
        scene.kafka.bootstrap(),
        scene.group.clone(),
        scene.topic.clone(),
    ]
    .join(" ");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "resume::nothing_is_lost_when_a_process_is_killed",
        ])
        .arg("--nocapture")
        .env(CHILD, place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    (child, lines)
}

fn take(lines: &Receiver<String>, journal: &Journal, until: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !until() {
        let left = end.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).expect("the worker goes on");
        note(journal, &line);
    }
}

fn note(journal: &Journal, line: &str) {
    // The test runner writes here too, on the same line before the first.
    let Some((_, place)) = line.split_once("handled ") else {
        return;
    };
    // The last line may be half of one.
    let mut numbers = place.split(' ').map_while(|number| number.parse().ok());
    if let (Some(partition), Some(offset)) = (numbers.next(), numbers.next()) {
        journal.add(partition as i32, offset, 1);
    }
}
