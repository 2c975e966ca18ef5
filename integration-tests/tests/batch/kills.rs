//! Workers that are killed in the middle of a batch.

use crate::support::{Journal, Scene, soon, stop};
use rws_kafka_config::KafkaConfig;
use rws_kafka_consumer::{ConsumerConfig, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const CHILD: &str = "BATCH_TEST_CHILD";
const MESSAGES: usize = 4000;
const BATCH: i64 = 1000;
const PARTITIONS: i32 = 2;

#[test]
fn what_was_committed_within_a_batch_does_not_come_again_after_a_kill() {
    if let Ok(place) = std::env::var(CHILD) {
        let [brokers, group, topic] = place.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{place}");
        };
        return work_until_killed(brokers, group, topic);
    }
    let scene = Scene::new(PARTITIONS);
    scene.fill(MESSAGES);
    let mut handled: BTreeSet<(i32, i64)> = BTreeSet::new();
    let mut reached = vec![0; PARTITIONS as usize];
    for _ in 0..2 {
        let mut worker = Worker::spawn(&scene);
        // In the middle of a batch of each partition.
        soon(|| {
            let committed = scene.all_committed();
            let mut both = committed.iter().zip(&reached);
            both.all(|(now, before)| now > before && now % BATCH != 0)
        });
        for (partition, offset) in worker.kill() {
            let before = reached[partition as usize];
            assert!(offset >= before, "{partition}: {offset} after {before}");
            handled.insert((partition, offset));
        }
        reached = scene.all_committed();
        for (partition, end) in (0..).zip(&reached) {
            for offset in 0..*end {
                let is_handled = handled.contains(&(partition, offset));
                assert!(is_handled, "{partition}: {offset} of {end}");
            }
        }
    }
    let journal = Journal::default();
    let notes = journal.clone();
    let consumer = scene.consumer_of(scene.config());
    let handle = consumer.start_batch(move |batch| {
        notes.note(batch);
        batch.commit()
    });
    soon(|| scene.all_committed() == [MESSAGES as i64; PARTITIONS as usize]);
    stop(&handle);
    for (partition, begin) in (0..).zip(reached) {
        let rest: Vec<i64> = (begin..MESSAGES as i64).collect();
        assert_eq!(journal.offsets(partition), rest, "{partition}");
    }
}

/// Each message takes a while, and every tenth is committed with those before it.
fn work_until_killed(brokers: &str, group: &str, topic: &str) {
    let config = KafkaConfig::builder()
        .brokers(brokers)
        .consumer_group(group)
        // The shortest that a broker takes: until then it keeps a killed member's partitions.
        .session_timeout(Duration::from_secs(6))
        .build()
        .unwrap();
    let config = ConsumerConfig::from(config)
        .observer(Observer::new())
        .commit_interval(Duration::from_millis(20));
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .unwrap()
        .concurrency(PARTITIONS as usize)
        .batch_max_messages(BATCH as usize)
        .start_batch(|batch| {
            for (index, msg) in batch.iter().enumerate() {
                thread::sleep(Duration::from_millis(1));
                println!("handled {} {}", msg.partition(), msg.offset());
                if index % 10 == 9 {
                    batch.commit_up_to(msg)?;
                }
            }
            batch.commit()
        });
    handle.join();
}

/// This test in a process of its own, as a worker; killed when it is dropped.
struct Worker {
    child: Child,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Worker {
    fn spawn(scene: &Scene<'_>) -> Self {
        let place = [
            scene.kafka.bootstrap(),
            scene.group.clone(),
            scene.topic.clone(),
        ];
        let name = "kills::what_was_committed_within_a_batch_does_not_come_again_after_a_kill";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, place.join(" "))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = thread::spawn(move || output.lines().map_while(Result::ok).collect());
        Self {
            child,
            lines: Some(lines),
        }
    }

    /// By SIGKILL; the messages that it had handled by then.
    fn kill(&mut self) -> Vec<(i32, i64)> {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the worker has ended by itself: {ended:?}");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let lines = self.lines.take().expect("it is killed once");
        let lines = lines.join().unwrap();
        let place = |line: &String| {
            // The test runner writes here too, on the same line before the first.
            let (_, place) = line.split_once("handled ")?;
            let (partition, offset) = place.split_once(' ')?;
            // The last line may be half of one, and another number then.
            Some((partition.parse().ok()?, offset.parse().ok()?))
        };
        let mut places: Vec<(i32, i64)> = lines.iter().filter_map(place).collect();
        if places.len() > 1 {
            places.pop();
        }
        places
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
