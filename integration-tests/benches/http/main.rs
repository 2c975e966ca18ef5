//! A `POST` that publishes its body beside the same one that does not, in one run.
//!
//! `cargo bench -p integration-tests --bench http`. RWS_KAFKA_BENCH_MESSAGES is the number of requests of
//! each run, if set. Two services, a process each, with the same route, layer and settings; one answers
//! when it has handed the body to its producer (`send`). A round sends a fixed number of requests to each
//! of them over 16 connections that are kept; both take turns, and what counts is the ratio of the
//! medians. Services, broker and the load share the machine. In the end, the topic must have a message
//! for each request that was answered.

mod load;
#[path = "../common/messages.rs"]
mod messages;
#[path = "../common/report.rs"]
mod report;
mod service;

use integration_tests::{Kafka, unique_topic};
use messages::messages;
use report::{ROUNDS, Rates};
use service::Service;

const REQUESTS: usize = 100_000;
const PARTITIONS: i32 = 3;

fn main() {
    if service::is_child() {
        return service::child();
    }
    let requests = messages().unwrap_or(REQUESTS);
    let kafka = Kafka::shared_for_load();
    let topic = unique_topic("bench-http");
    kafka.create_topic(&topic, PARTITIONS);
    let services = [
        Service::start("answers only", &kafka.bootstrap(), None),
        Service::start("publishes", &kafka.bootstrap(), Some(&topic)),
    ];

    for service in &services {
        load::post(service.address(), requests / 10);
    }
    let mut rates = [Rates::default(), Rates::default()];
    for round in 0..ROUNDS {
        // Who goes first alternates too.
        for turn in 0..2 {
            let index = (round + turn) % 2;
            let time = load::post(services[index].address(), requests);
            rates[index].add(requests, time);
        }
    }
    for service in services {
        service.stop();
    }
    let published: i64 = (0..PARTITIONS)
        .map(|partition| kafka.end_offset(&topic, partition))
        .sum();
    let answered = requests / 10 + ROUNDS * requests;
    assert_eq!(published, answered as i64, "messages in {topic}");

    println!(
        "\n{requests} × POST of {} B, {} connections, requests/s; {published} messages published",
        load::BODY.len(),
        load::CONNECTIONS
    );
    let [answers, publishes] = &rates;
    answers.print("answers only", None);
    publishes.print("publishes", Some(answers));
}
