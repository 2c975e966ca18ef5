use crate::support::{SOON, Scene, complete};
use integration_tests::eventually;
use rws_kafka::{ConsumerConfig, Observer, Replay};
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

const BROKERS: &str = "REPLAY_TEST_BROKERS";
const QUEUE: &str = "REPLAY_TEST_QUEUE";
const GROUP: &str = "REPLAY_TEST_GROUP";
const LETTERS: usize = 1_200;
const BATCH: usize = 50;
const KILLS: usize = 3;

/// A replay in a process of its own; killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(scene: &Scene<'_>) -> Self {
        let child = Command::new(std::env::current_exe().expect("a test binary"))
            .args([
                "--exact",
                "kills::a_replay_in_a_process_of_its_own",
                "--ignored",
            ])
            .env(BROKERS, scene.kafka.bootstrap())
            .env(QUEUE, &scene.queue)
            .env(GROUP, &scene.group)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the test binary starts"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "run by the test below, as a process that it kills"]
fn a_replay_in_a_process_of_its_own() {
    let var = |name| std::env::var(name).ok();
    let (Some(brokers), Some(queue), Some(group)) = (var(BROKERS), var(QUEUE), var(GROUP)) else {
        return;
    };
    let config = ConsumerConfig::new(brokers, "not used").expect("valid settings");
    let replay = Replay::new(config.observer(Observer::new()), queue);
    let handle = replay.group(group).rate(100).batch_size(BATCH).start();
    let _ = handle.expect("it starts").join();
}

/// How many messages the topic has.
fn written(scene: &Scene<'_>) -> usize {
    let ends = (0..scene.partitions).map(|number| scene.kafka.end_offset(&scene.topic, number));
    ends.sum::<i64>() as usize
}

#[test]
fn a_killed_replay_loses_nothing_and_writes_no_more_than_its_last_batch_twice() {
    let scene = Scene::new(3);
    scene.fill(LETTERS);
    for _ in 0..KILLS {
        let before = written(&scene);
        let process = Process::start(&scene);
        // Within its second batch, or later: not a multiple of a batch, so that some is uncommitted.
        eventually(SOON, || written(&scene) >= before + BATCH + BATCH / 2);
        drop(process);
    }
    assert!(written(&scene) < LETTERS, "it was killed while at work");
    let report = complete(&scene.replay().batch_size(BATCH));
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for found in scene.written() {
        *counts
            .entry(found.payload_text().parse().unwrap())
            .or_default() += 1;
    }
    let all: Vec<usize> = counts.keys().copied().collect();
    assert_eq!(all, (0..LETTERS).collect::<Vec<_>>());
    let twice: usize = counts.values().map(|count| count - 1).sum();
    assert!((1..=KILLS * BATCH).contains(&twice), "{twice}");
    // Of each kill, unless the runs after it have been past it in all partitions; runs after this
    // one have nothing to tell.
    let told = BATCH..=KILLS * BATCH;
    assert!(
        told.contains(&(report.possibly_twice as usize)),
        "{report:?}"
    );
    assert_eq!(complete(&scene.replay()).possibly_twice, 0);
}
