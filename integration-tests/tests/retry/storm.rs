use crate::support::Scene;
use integration_tests::jobs::retrier::{DELAYS, Entry, Retrier, fails, written};
use integration_tests::jobs::{Job, read_lines};
use integration_tests::{Child, SOON};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const MESSAGES: usize = 10_000;
const PARTITIONS: i32 = 3;
/// The worker is killed after it has started so many messages: at least once in each topic.
const KILLS: [usize; 6] = [1_500, 6_000, 9_500, 11_000, 12_500, 14_500];

/// A third of 10,000 messages fail 0 to 4 times, and the worker is killed again and again: each is
/// handled as often as its number says, none before its time, and only messages that fail more
/// often than there are delays are in the queue.
#[test]
fn each_message_comes_to_its_own_end_though_the_worker_is_killed() {
    let scene = Scene::new(PARTITIONS);
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("journal");
    let log = folder.path().join("worker.log");
    scene.send(0..MESSAGES);
    let start = |generation| {
        let job = Job::Retry(Retrier {
            place: scene.place(),
            journal: journal.clone(),
            generation,
        });
        let program = job.program(env!("CARGO_BIN_EXE_child"));
        program.log(&log).start()
    };
    let topics: Vec<String> = std::iter::once(scene.topic.clone())
        .chain((1..=DELAYS.len()).map(|attempt| format!("{}.retry.{attempt}", scene.topic)))
        .collect();

    // A static member that is killed before it has joined again for new topics is not given them.
    for topic in &topics[1..] {
        scene.kafka.create_topic(topic, PARTITIONS);
    }
    let mut worker = start(0);
    // What the group had committed when each worker was killed.
    let mut committed = Vec::new();
    for (generation, reached) in (1..).zip(KILLS) {
        wait(&mut worker, &log, || written(&journal) >= reached);
        drop(worker);
        committed.push(committed_of(&scene, &topics));
        worker = start(generation);
    }
    wait(&mut worker, &log, || {
        // In the order of the delays, because messages finished in one topic add nothing to the
        // next.
        topics.iter().all(|topic| scene.is_committed(topic))
    });
    drop(worker);

    let entries: Vec<Entry> = read_lines(&journal);
    each_in_its_topic(&entries);
    each_as_its_number_says(&entries);
    none_before_its_delay(&entries);
    nothing_twice_that_was_committed(&entries, &committed);
    the_queue_has_what_failed_most(&scene, &entries);
    let of_kills: BTreeSet<u32> = entries.iter().map(|entry| entry.generation).collect();
    assert_eq!(of_kills.len(), KILLS.len() + 1, "each worker did something");
    println!(
        "{} handlings, {} of them again",
        entries.len(),
        again(&entries)
    );
}

#[track_caller]
fn wait(worker: &mut Child, log: &Path, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + 2 * SOON;
    while !condition() {
        let text = || std::fs::read_to_string(log).expect("a log");
        assert!(!worker.has_ended(), "it ended\n{}", text());
        assert!(Instant::now() < end, "it does not get on\n{}", text());
        thread::sleep(Duration::from_millis(20));
    }
}

type Committed = HashMap<(u32, i32), i64>;

/// Returns the committed offsets by level and partition.
fn committed_of(scene: &Scene<'_>, topics: &[String]) -> Committed {
    let mut committed = Committed::new();
    for (level, topic) in (0..).zip(topics) {
        let offsets = scene
            .kafka
            .committed_offsets(&scene.group, topic, PARTITIONS);
        for (partition, offset) in (0..).zip(offsets) {
            if let Some(offset) = offset {
                committed.insert((level, partition), offset);
            }
        }
    }
    committed
}

/// Asserts that a message in the topic of the nth delay has failed n times.
fn each_in_its_topic(entries: &[Entry]) {
    for entry in entries {
        assert_eq!(entry.attempt, entry.level + 1, "{entry:?}");
        assert!(
            entry.level <= fails(entry.number),
            "it had succeeded: {entry:?}"
        );
        assert_eq!(entry.due_ms == 0, entry.level == 0, "{entry:?}");
    }
}

fn each_as_its_number_says(entries: &[Entry]) {
    let mut attempts: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for entry in entries {
        attempts
            .entry(entry.number)
            .or_default()
            .insert(entry.attempt);
    }
    assert_eq!(attempts.len(), MESSAGES);
    for (number, attempts) in attempts {
        let last = (fails(number) + 1).min(DELAYS.len() as u32 + 1);
        let expected: BTreeSet<u32> = (1..=last).collect();
        assert_eq!(attempts, expected, "attempts at {number}");
    }
}

fn none_before_its_delay(entries: &[Entry]) {
    // A message that came twice in one topic is twice in the next.
    let mut first: HashMap<(usize, u32), i64> = HashMap::new();
    for entry in entries {
        let first = first
            .entry((entry.number, entry.level))
            .or_insert(entry.at_ms);
        *first = entry.at_ms.min(*first);
    }
    for entry in entries.iter().filter(|entry| entry.level > 0) {
        assert!(entry.at_ms >= entry.due_ms, "before its time: {entry:?}");
        let failed = first[&(entry.number, entry.level - 1)];
        let delay = DELAYS[entry.level as usize - 1] as i64;
        assert!(
            entry.due_ms >= failed + delay,
            "{entry:?} failed at {failed}"
        );
    }
}

/// Asserts that a kill repeats only what was not committed.
fn nothing_twice_that_was_committed(entries: &[Entry], committed: &[Committed]) {
    let mut seen: HashMap<(u32, i32, i64), u32> = HashMap::new();
    for entry in entries {
        let place = (entry.level, entry.partition, entry.offset);
        if let Some(before) = seen.insert(place, entry.generation) {
            assert!(before < entry.generation, "twice by one worker: {entry:?}");
        }
        for killed in &committed[..entry.generation as usize] {
            let offset = killed.get(&(entry.level, entry.partition));
            let is_open = offset.is_none_or(|offset| entry.offset >= *offset);
            assert!(is_open, "it was committed up to {offset:?}: {entry:?}");
        }
    }
}

fn again(entries: &[Entry]) -> usize {
    let places = entries.iter().map(|it| (it.level, it.partition, it.offset));
    entries.len() - places.collect::<BTreeSet<_>>().len()
}

fn the_queue_has_what_failed_most(scene: &Scene<'_>, entries: &[Entry]) {
    let letters = scene.letters();
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for letter in &letters {
        assert_eq!(letter.header_texts("rws-dlq-attempts"), ["4"]);
        assert_eq!(
            letter.header_texts("rws-dlq-original-topic"),
            [scene.topic.as_str()]
        );
        let number = letter.payload_text().parse().expect("a number");
        *found.entry(number).or_default() += 1;
    }
    let most = (0..MESSAGES).filter(|number| fails(*number) > DELAYS.len() as u32);
    let most: BTreeSet<usize> = most.collect();
    assert_eq!(most.len(), 666);
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), most);
    for (number, letters) in found {
        let last = entries
            .iter()
            .filter(|it| it.number == number && it.level == 3);
        let handlings = last.count();
        assert!(
            letters <= handlings,
            "{letters} letters of {number}, {handlings} times"
        );
    }
}
