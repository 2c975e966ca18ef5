//! Other outboxes: a program each, in `go` and `java` beside this file, with the settings
//! described there.

mod build;
mod program;

use crate::peer::{Built, present};
use crate::{Stage, drain};
use integration_tests::Kafka;
use program::Program;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::Duration;

const EVENTS: usize = 20_000;
const ROUNDS: usize = 3;

/// Drains the same backlog with our relay and with each peer in turn.
///
/// A peer is warm: its program has drained 5,000 events before. The time of our relay begins with
/// the start of its threads.
pub(crate) fn compare() {
    println!("peers, drain of {EVENTS} events, events/s");
    let peers = present([build::go(), build::java()]);
    if peers.is_empty() {
        return;
    }
    // The broker's JVM compiles its code in the first one.
    drain::relay_rate(EVENTS);
    for _ in 0..ROUNDS {
        let relay = drain::relay_rate(EVENTS);
        println!("  {:<24} {relay:>8.0}", "rws-kafka-outbox");
        for peer in &peers {
            let rate = rate(peer);
            let ratio = relay / rate;
            println!("  {:<24} {rate:>8.0}   ratio {ratio:.1}", peer.name);
        }
    }
}

fn rate(peer: &Built) -> f64 {
    let stage = Stage::new();
    let (brokers, events) = (Kafka::shared_for_load().bootstrap(), EVENTS.to_string());
    let arguments = [&*stage.url, &*brokers, &*stage.topic, &*events];
    let mut program = Program::start(peer, &arguments);
    assert_eq!(program.line(), "ready", "{}", peer.name);
    let before = in_topic(&stage.topic);
    stage.sql("VACUUM ANALYZE");
    stage.sql("CHECKPOINT");
    program.go_on();
    let line = program.line();
    let figures = line
        .split_once(' ')
        .and_then(|(events, millis)| Some((events.parse().ok()?, millis.parse().ok()?)));
    let (events, millis): (usize, f64) = figures.unwrap_or_else(|| panic!("{}: {line}", peer.name));
    let sent = in_topic(&stage.topic) - before;
    assert!(
        sent >= EVENTS,
        "{}: only {sent} events are in the topic",
        peer.name
    );
    events as f64 * 1000.0 / millis
}

/// Returns how many messages the broker has.
fn in_topic(topic: &str) -> usize {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", Kafka::shared_for_load().bootstrap())
        .create()
        .expect("a client");
    let ends = (0..Stage::PARTITIONS).map(|partition| {
        let marks = client.fetch_watermarks(topic, partition, Duration::from_secs(30));
        usize::try_from(marks.expect("the ends").1).expect("an offset")
    });
    ends.sum()
}
