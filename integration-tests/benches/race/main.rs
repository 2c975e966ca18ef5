//! Our consumer and producer beside those of other projects, in one run on one broker.
//!
//! `cargo bench -p integration-tests --bench race [-- NAME …]`, where the names choose: of `consume` and
//! `produce`, of the payloads `100B`, `300B` (an order as JSON) and `1KB`, of `1` and `12` partitions; of
//! what none is named, all. RWS_KAFKA_BENCH_MESSAGES is the number of messages of each run, if set: a few
//! thousand try whether all of it works.
//!
//! All take turns, once to warm up with a tenth of the messages, then five rounds; what counts is the
//! ratio of the medians. Nothing is compressed. A round starts each of them anew: ours and rdkafka in
//! this process, the others in a process each. What starts them is never measured, a JVM and joining a
//! group included: each reports a time of its own. A JVM compiles within this time, though.
//!
//! **Consuming** is timed from the first message to the last, one consumer in a group of its own on a
//! topic that is read by all. Java's `ConsumerPerformance` alone starts at its assignment, some
//! milliseconds before its first message. Each message is committed, and after each run the group's
//! offsets are compared with the topic's: `start` and `start_batch` commit what was handled, franz-go
//! what was marked; rdkafka, `rdkafka_performance` (`-G`, 1000 messages a call) and `ConsumerPerformance`
//! have their library commit what was handed out (`enable.auto.commit`), which asks less of them.
//!
//! **Producing** is timed from the first call of a new client, its connection included, until all is
//! acknowledged; idempotent, acks=all. After each run the topic must have each message once.
//!
//! Each must report the number of messages that it was given. The others' programs come from their
//! registries: franz-go (Go), Kafka's own tools (Maven, Java), and `rdkafka_performance`, which is
//! compiled (make, a C compiler) with the librdkafka that rdkafka brings. What cannot be built is left
//! out, and named.

mod consume;
mod lap;
#[path = "../common/messages.rs"]
mod messages;
#[path = "../common/ours.rs"]
mod ours;
mod payload;
#[path = "../common/peer.rs"]
mod peer;
mod peers;
mod produce;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/report.rs"]
mod report;

use integration_tests::Kafka;
use payload::{Payload, SIZES};

const PARTS: [&str; 2] = ["consume", "produce"];
const PARTITIONS: [(&str, i32); 2] = [("1", 1), ("12", 12)];

fn main() {
    let names: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let parts = chosen(&names, PARTS.map(|part| (part, part)));
    let sizes = chosen(&names, SIZES.map(|size| (size.name, size)));
    let partitions = chosen(&names, PARTITIONS);
    let known = PARTS.into_iter().chain(SIZES.map(|size| size.name));
    let known: Vec<&str> = known.chain(PARTITIONS.map(|(name, _)| name)).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        panic!("race has no {name:?}, only {}", known.join(", "));
    }

    let peers = peers::build();
    let kafka = Kafka::shared_for_load();
    for size in sizes {
        let payload = Payload::new(size);
        for &partitions in &partitions {
            if parts.contains(&"produce") {
                produce::compare(kafka, &peers, &payload, partitions);
            }
            if parts.contains(&"consume") {
                consume::compare(kafka, &peers, &payload, partitions);
            }
        }
    }
}

/// Those that are named, or all of them.
fn chosen<T, const N: usize>(names: &[String], all: [(&str, T); N]) -> Vec<T> {
    let is_named = |name: &str| names.iter().any(|chosen| chosen == name);
    let is_all = !all.iter().any(|(name, _)| is_named(name));
    let all = all.into_iter();
    all.filter_map(|(name, value)| (is_all || is_named(name)).then_some(value))
        .collect()
}
