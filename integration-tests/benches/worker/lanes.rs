use crate::report::{ROUNDS, Rates};
use crate::run::{consume, fill};
use integration_tests::Kafka;
use rws_kafka_consumer::Ordering;

const MESSAGES: usize = 1_000_000;

/// Measures the cost of lanes, and of each ordering, with a handler that does nothing.
pub(crate) fn compare(kafka: &Kafka) {
    let variants = [
        ("one lane", 1, Ordering::Partition),
        ("4 lanes, Ordering::Partition", 4, Ordering::Partition),
        ("4 lanes, Ordering::Key", 4, Ordering::Key),
        ("4 lanes, Ordering::None", 4, Ordering::None),
    ];
    for keys in [20, MESSAGES] {
        let topic = fill(kafka, MESSAGES, 100, keys);
        let mut rates: [Rates; 4] = Default::default();
        let mut commits = 0.0_f64;
        for round in 0..ROUNDS {
            for turn in 0..variants.len() {
                let number = (round + turn) % variants.len();
                let (_, lanes, ordering) = variants[number];
                let outcome = consume(kafka, &topic, MESSAGES, lanes, ordering, |_| {});
                rates[number].add(MESSAGES, outcome.time);
                commits = commits.max(outcome.commits_a_second());
            }
        }
        println!("\n{MESSAGES} × 100 B, one partition, {keys} keys, a handler that does nothing");
        let [one, ..] = &rates;
        for ((name, ..), rates) in variants.iter().zip(&rates) {
            let control = (!std::ptr::eq(rates, one)).then_some(one);
            rates.print(name, control);
        }
        println!("  commits: at most {commits:.1} a second");
        kafka.delete_topic(&topic);
    }
}
