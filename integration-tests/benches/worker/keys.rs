use crate::report::Rates;
use crate::run::{consume, fill};
use integration_tests::Kafka;
use rws_kafka_consumer::{ConsumerContext, Ordering};
use std::time::Duration;

const MESSAGES: usize = 10_000;
const KEYS: usize = 20;
const LANES: usize = 20;
const ROUNDS: usize = 3;

/// Measures a handler that sleeps, on one lane and on one lane per key.
pub(crate) fn compare(kafka: &Kafka) {
    let topic = fill(kafka, MESSAGES, 100, KEYS);
    let (mut one, mut many, mut commits) = (Rates::default(), Rates::default(), 0.0_f64);
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let (lanes, ordering, rates) = match (round + turn) % 2 {
                0 => (1, Ordering::Partition, &mut one),
                _ => (LANES, Ordering::Key, &mut many),
            };
            let outcome = consume(kafka, &topic, MESSAGES, lanes, ordering, sleep);
            rates.add(MESSAGES, outcome.time);
            commits = commits.max(outcome.commits_a_second());
        }
    }
    println!("\n{MESSAGES} messages, one partition, {KEYS} keys, a handler that sleeps 0 to 5 ms");
    one.print("one lane", None);
    many.print("20 lanes, Ordering::Key", Some(&one));
    println!("  commits: at most {commits:.1} a second");
}

/// Sleeps 0 to 5 ms, the same time for a message in each run.
fn sleep(msg: &ConsumerContext) {
    let random = (msg.offset() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    std::thread::sleep(Duration::from_micros(random % 5001));
}
