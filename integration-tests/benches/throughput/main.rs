//! Our producer and consumer beside raw rdkafka with the same settings, in one run.
//!
//! `cargo bench -p integration-tests --bench throughput [-- PART …]` with the parts `producer`,
//! `consumer`, `sync`, `metrics` and `memory`; all of them without a name. Rounds of ours and of the control
//! alternate, and what counts is the ratio of their medians: the absolute figures of a shared
//! machine swing.

mod consumer;
mod memory;
mod metrics;
#[path = "../common/ours.rs"]
mod ours;
mod producer;
#[path = "../common/raw.rs"]
mod raw;
#[path = "../common/report.rs"]
mod report;
mod sync;

use integration_tests::Kafka;

fn main() {
    if memory::is_child() {
        return memory::child();
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);

    let kafka = Kafka::shared_for_load();
    if runs("producer") || runs("consumer") {
        for (bytes, messages) in [(100, 1_000_000), (1024, 300_000)] {
            let topics = producer::compare(kafka, bytes, messages);
            if runs("consumer") {
                consumer::compare(kafka, &topics, bytes, messages);
            }
        }
    }
    if runs("sync") {
        sync::compare(kafka);
    }
    if runs("metrics") {
        metrics::compare(kafka);
    }
    if runs("memory") {
        memory::measure(kafka);
    }
}
