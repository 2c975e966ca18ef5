//! Measures what lanes and orderings gain, and how many commits they cost, in one run.
//!
//! `cargo bench -p integration-tests --bench worker [-- PART …]` with the parts `keys` and `lanes`;
//! both without a name. Rounds alternate, and what counts is the ratio of their medians: the
//! absolute figures of a shared machine swing.

mod keys;
mod lanes;
#[path = "../common/report.rs"]
mod report;
mod run;

use integration_tests::Kafka;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);

    let kafka = Kafka::shared_for_load();
    if runs("keys") {
        keys::compare(kafka);
    }
    if runs("lanes") {
        lanes::compare(kafka);
    }
}
