use crate::process::{broker, copier, start_worker};
use crate::support::Scene;
use integration_tests::{Child, SOON, soon, stop};
use rws_kafka_consumer::ConsumerHandle;
use rws_kafka_producer::{KafkaProducer, Record};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 6;
const MESSAGES: usize = 50_000;
const PROCESSES: usize = 2;
/// The time in which messages come and workers are killed.
const TIME: Duration = Duration::from_secs(40);
const KILL_EVERY: Duration = Duration::from_secs(2);
const REBALANCE_EVERY: Duration = Duration::from_secs(5);

/// Each result is read once, although one of two worker processes is killed every two seconds and
/// a third worker joins or leaves every five.
#[test]
fn each_result_is_read_once_and_in_order_though_workers_are_killed_and_partitions_move() {
    let kafka = broker();
    let scene = Scene::on(&kafka, PARTITIONS);
    let folder = tempfile::tempdir().expect("a folder for logs");
    let order = |number: usize| copier(&scene, number, Duration::from_micros(200));
    let log = |number: usize| folder.path().join(format!("worker-{number}.log"));
    let start = |number: usize| start_worker(order(number), &log(number));
    let mut workers: Vec<Child> = (0..PROCESSES).map(start).collect();

    let (kills, rebalances, progress) = thread::scope(|scope| {
        let sender = scope.spawn(|| send(&scene));
        let end = Instant::now() + TIME;
        let mut kill_at = Instant::now() + KILL_EVERY;
        let mut rebalance_at = Instant::now() + REBALANCE_EVERY;
        let (mut kills, mut rebalances) = (0, 0);
        let mut third: Option<ConsumerHandle> = None;
        while Instant::now() < end {
            if Instant::now() >= kill_at {
                kill_at += KILL_EVERY;
                let number = kills % PROCESSES;
                assert!(!workers[number].has_ended(), "{}", text(&log(number)));
                // The old worker is killed when the new one replaces it.
                workers[number].signal("KILL");
                workers[number] = start(number);
                kills += 1;
            }
            if Instant::now() >= rebalance_at {
                rebalance_at += REBALANCE_EVERY;
                rebalances += 1;
                match third.take() {
                    Some(handle) => stop(&handle),
                    None => third = Some(order(PROCESSES).start()),
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        let progress: i64 = scene.all_committed().iter().sum();
        if let Some(handle) = third {
            stop(&handle);
        }
        sender.join().expect("all is sent");
        (kills, rebalances, progress)
    });

    let ends: Vec<i64> = (0..PARTITIONS)
        .map(|partition| kafka.end_offset(&scene.topic, partition))
        .collect();
    assert_eq!(ends.iter().sum::<i64>(), MESSAGES as i64);
    let until = Instant::now() + 2 * SOON;
    while scene.all_committed() != ends {
        let logs: String = (0..PROCESSES).map(|number| text(&log(number))).collect();
        let committed = scene.all_committed();
        assert!(Instant::now() < until, "{committed:?} of {ends:?}\n{logs}");
        thread::sleep(Duration::from_millis(100));
    }
    println!("{kills} kills, {rebalances} rebalances, {progress} committed meanwhile");
    // No transaction is open, so a reader sees everything.
    drop(workers);
    soon(|| scene.read(&scene.sink).concat().len() >= MESSAGES);
    let results = scene.read(&scene.sink);
    for (partition, values) in (0..PARTITIONS as usize).zip(results) {
        let expected: Vec<String> = (partition..MESSAGES)
            .step_by(PARTITIONS as usize)
            .map(|number| number.to_string())
            .collect();
        let differs = values
            .iter()
            .zip(&expected)
            .position(|(one, other)| one != other);
        assert_eq!(
            differs, None,
            "partition {partition}: the first that is out of place"
        );
        assert_eq!(values.len(), expected.len(), "partition {partition}");
    }
    // It was a real storm: transactions were aborted, and work was done.
    let written = scene.read_all(&scene.sink).concat().len();
    println!("{written} results written, {MESSAGES} of them committed");
    assert!(written > MESSAGES, "no transaction was aborted");
    assert!(kills >= 15 && rebalances >= 6, "{kills}, {rebalances}");
    assert!(progress >= 10_000, "{progress} committed meanwhile");
}

/// Sends at a steady pace.
fn send(scene: &Scene<'_>) {
    let producer = KafkaProducer::new(scene.producer_config()).expect("a producer");
    let began = Instant::now();
    let mut next = 0;
    while next < MESSAGES {
        let due = MESSAGES as f64 * began.elapsed().as_secs_f64() / TIME.as_secs_f64();
        while next < (due as usize).min(MESSAGES) {
            let partition = next as i32 % PARTITIONS;
            let record = Record::to(&scene.topic).partition(partition);
            let sent = producer.send_record(record.payload(&next.to_string()));
            sent.expect("room in the queue");
            next += 1;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
}

/// Returns the end of a log.
fn text(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
