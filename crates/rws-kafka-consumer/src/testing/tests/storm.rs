//! Random outcomes, rebalances and kills, compared with a model. A seed always has the same result.

use super::*;
use crate::{FailurePolicy, Ordering, TopicPartition};
use fastrand::Rng;
use std::collections::{BTreeMap, HashMap};

const PARTITIONS: i32 = 3;
const MESSAGES: i64 = 40;
const KEYS: u64 = 4;
const RETRIES: u32 = 3;

type Place = (i32, i64);

/// Counts what a storm contained, to check that it was one.
#[derive(Default)]
struct Seen {
    kills: usize,
    /// The number of steps at which letters were in flight.
    held: usize,
}

/// The number of failures of each message. Those that fail more often than there are attempts are
/// dead-lettered.
fn run(seed: u64, ordering: Ordering, seen: &mut Seen) -> String {
    let mut rng = Rng::with_seed(seed);
    let mut failures: HashMap<Place, u32> = HashMap::new();
    let mut keys: HashMap<Place, u64> = HashMap::new();
    for partition in 0..PARTITIONS {
        for offset in 0..MESSAGES {
            let times = [0, 0, 0, 1, 2, 3, 4, 9][rng.usize(0..8)];
            failures.insert((partition, offset), times);
            keys.insert((partition, offset), rng.u64(0..KEYS));
        }
    }
    let given_up = |place: &Place| failures[place] > RETRIES;
    let consumer = consumer(&["a"])
        .ordering(ordering)
        .max_retries(RETRIES)
        .retry_backoff_ms(1000)
        .dead_letter_queue("dlq")
        .on_failure(FailurePolicy::DeadLetter);
    let handler = {
        let failures = failures.clone();
        move |msg: ConsumerContext| {
            if msg.attempt() <= failures[&(msg.partition(), msg.offset())] {
                return Err(HandlerError::new("not yet"));
            }
            msg.commit()
        }
    };
    let mut worker = TestWorker::new(consumer, handler).unwrap();
    let mut next = [0; PARTITIONS as usize];
    loop {
        let partition = rng.i32(0..PARTITIONS);
        seen.held += usize::from(!worker.sent().held().is_empty());
        match rng.u8(0..40) {
            0 => worker.revoke("a", partition),
            1 => worker.lose("a", partition),
            2 => {
                worker.restart();
                seen.kills += 1;
            }
            3..6 => worker.assign("a", 0..PARTITIONS),
            6 | 7 => worker.sent().hold(),
            8 | 9 => drop(worker.sent().release()),
            10 | 11 => worker.sent().fail_next(SendFault::TimedOut),
            12..20 => worker.advance(SECOND),
            20..24 => worker.run(),
            _ => {
                let offset = &mut next[partition as usize];
                if *offset < MESSAGES {
                    let key = keys[&(partition, *offset)].to_string();
                    let message = TestMessage::new("a", "x").key(key).partition(partition);
                    assert_eq!(worker.give(message), *offset);
                    *offset += 1;
                } else if next.iter().all(|next| *next == MESSAGES) {
                    break;
                }
            }
        }
    }
    worker.sent().recover();
    worker.sent().release();
    worker.assign("a", 0..PARTITIONS);
    worker.run_to_end();
    check(&worker, ordering, &keys, given_up);
    worker.to_string()
}

/// Reads the log from its beginning.
fn check(
    worker: &TestWorker,
    ordering: Ordering,
    keys: &HashMap<Place, u64>,
    given_up: impl Fn(&Place) -> bool,
) {
    let mut ended: BTreeMap<Place, bool> = BTreeMap::new();
    let mut committed: HashMap<i32, i64> = HashMap::new();
    // The last handled message of each partition or key since the partition was assigned.
    let mut last: HashMap<(i32, u64), i64> = HashMap::new();
    let mut letters: HashMap<Place, u32> = HashMap::new();
    for (_, event) in worker.log() {
        match event {
            Event::Assigned(partitions) => {
                let of = |partition: i32| partitions.contains(&TopicPartition::new("a", partition));
                last.retain(|(partition, _), _| !of(*partition));
            }
            Event::Handled {
                partition,
                offset,
                error,
                attempt,
            } => {
                let place = (partition.partition(), offset);
                let strand = match ordering {
                    Ordering::Partition => 0,
                    Ordering::Key => keys[&place],
                    _ => offset as u64,
                };
                let before = last.insert((place.0, strand), offset);
                assert!(
                    before <= Some(offset),
                    "{before:?} before {place:?}: {worker}"
                );
                assert!(
                    committed.get(&place.0).is_none_or(|to| *to <= offset),
                    "{worker}"
                );
                assert!(attempt <= RETRIES + 1, "{worker}");
                if error.is_none() {
                    assert!(!given_up(&place), "{worker}");
                    ended.insert(place, true);
                }
            }
            Event::Sent(letter) => {
                let number = |name| letter.header_str(name).unwrap().parse::<i64>().unwrap();
                let partition = number("rws-dlq-original-partition") as i32;
                let place = (partition, number("rws-dlq-original-offset"));
                assert!(given_up(&place), "{worker}");
                assert_eq!(number("rws-dlq-attempts"), i64::from(RETRIES + 1));
                *letters.entry(place).or_default() += 1;
                ended.insert(place, true);
            }
            Event::Committed(partition, to) => {
                let partition = partition.partition();
                let from = committed.insert(partition, to).unwrap_or(0);
                assert!(from < to, "from {from} to {to}: {worker}");
                for offset in from..to {
                    assert!(
                        ended.contains_key(&(partition, offset)),
                        "{to} passes {offset}: {worker}"
                    );
                }
            }
            _ => {}
        }
    }
    for place in keys.keys() {
        assert!(ended.contains_key(place), "{place:?} was lost: {worker}");
        assert_eq!(
            letters.contains_key(place),
            given_up(place),
            "{place:?}: {worker}"
        );
    }
    for partition in 0..PARTITIONS {
        assert_eq!(worker.committed("a", partition), Some(MESSAGES), "{worker}");
    }
}

#[test]
fn nothing_is_lost_or_out_of_order_whatever_happens() {
    for ordering in [Ordering::Partition, Ordering::Key, Ordering::None] {
        let mut seen = Seen::default();
        for seed in 0..30 {
            run(seed, ordering, &mut seen);
        }
        assert!(
            seen.kills > 30 && seen.held > 300,
            "{} {}",
            seen.kills,
            seen.held
        );
    }
}

#[test]
fn a_seed_always_leads_to_the_same() {
    for seed in 100..105 {
        let [first, second] = [(); 2].map(|()| run(seed, Ordering::Key, &mut Seen::default()));
        assert_eq!(first, second);
    }
}
