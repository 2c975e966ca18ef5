use super::{Peers, between, contender, owned};
use crate::lap::Lap;
use crate::peer::Peer;
use std::time::Duration;

/// The tools behind Kafka's scripts `kafka-consumer-perf-test` and `kafka-producer-perf-test`, with the
/// memory that those scripts give them, and their own defaults.
pub(super) fn build() -> Result<Peers, String> {
    let peer = Peer::new("Kafka's perf-test (Java)", "race", "java");
    let jars = peer.jars()?;
    let built = peer.built(owned(["java", "-Xmx512m", "-cp", &jars]));
    let consumer = contender(&built, "Java, ConsumerPerformance", consume, consumed);
    let producer = contender(&built, "Java, ProducerPerformance", produce, produced);
    Ok(Peers {
        consuming: vec![consumer],
        producing: vec![producer],
    })
}

fn consume(lap: &Lap<'_>) -> Vec<String> {
    owned([
        "org.apache.kafka.tools.ConsumerPerformance",
        "--bootstrap-server",
        lap.brokers,
        "--topic",
        lap.topic,
        "--group",
        lap.group,
        "--messages",
        &lap.messages.to_string(),
        "--timeout",
        "30000",
        "--hide-header",
    ])
}

/// Its columns: start, end, MB, MB/s, messages, messages/s, ms to the assignment, ms after it, …
fn consumed(line: &str) -> Option<(usize, Duration)> {
    let columns: Vec<&str> = line.split(", ").collect();
    let millis = columns.get(7)?.parse().ok()?;
    Some((columns[4].parse().ok()?, Duration::from_millis(millis)))
}

fn produce(lap: &Lap<'_>) -> Vec<String> {
    owned([
        "org.apache.kafka.tools.ProducerPerformance",
        "--topic",
        lap.topic,
        "--num-records",
        &lap.messages.to_string(),
        "--throughput",
        "-1",
        "--payload-file",
        &lap.payload.file().display().to_string(),
        "--producer-props",
        &format!("bootstrap.servers={}", lap.brokers),
        "acks=all",
        "enable.idempotence=true",
    ])
}

/// `N records sent, R records/sec (…`; before the last such line there is one every 5 s.
fn produced(line: &str) -> Option<(usize, Duration)> {
    let (count, _) = line.split_once(" records sent, ")?;
    let count: u32 = count.parse().ok()?;
    let rate: f64 = between(line, " records sent, ", " records/sec")?;
    let time = Duration::from_secs_f64(f64::from(count) / rate);
    Some((count as usize, time))
}
