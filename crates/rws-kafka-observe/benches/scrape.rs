//! What a scrape of 1,000 partitions takes, and what runs for each message.
//!
//! `cargo bench -p rws-kafka-observe --bench scrape`

use rws_kafka_observe::{ConsumerStatus, Observer, PartitionStatus, Source};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 1000;
const TOPICS: i32 = 20;

/// A consumer with all of the partitions.
struct Consumer;

impl Source<ConsumerStatus> for Consumer {
    fn fill(&self, status: &mut ConsumerStatus) {
        for number in 0..PARTITIONS {
            let mut partition = PartitionStatus::default();
            partition.topic = topic(number);
            partition.partition = number / TOPICS;
            partition.lag = Some(7);
            status.partitions.push(partition);
        }
    }
}

fn topic(number: i32) -> String {
    format!("orders.created.{}", number % TOPICS)
}

fn main() {
    let observer = Observer::new();
    let metrics = observer.metrics();
    let mut lags = Vec::new();
    for number in 0..PARTITIONS {
        let topic = topic(number);
        metrics
            .produced_to(&topic)
            .delivered(Duration::from_millis(3));
        metrics.consumed_from(&topic, "fulfilment").processed(1);
        let mut lag = metrics.lag_of(&topic, number / TOPICS, "fulfilment");
        lag.set(7);
        lags.push(lag);
    }
    let consumer = Arc::new(Consumer);
    let health = observer.register_consumer("fulfilment", Duration::from_secs(60));
    health.told_by(&consumer);

    let page = observer.render();
    println!("{PARTITIONS} partitions: {} KiB", page.len() / 1024);
    let times = measured(200, || drop(black_box(observer.render())));
    print("a scrape (allowed 5 ms)", &times, 1);
    let times = measured(200, || drop(black_box(observer.status())));
    print("a status", &times, 1);

    let produced = metrics.produced_to("orders.created.1");
    let latency = black_box(Duration::from_micros(700));
    let times = measured(20, || {
        (0..1_000_000).for_each(|_| produced.delivered(latency));
    });
    print("an acknowledged message", &times, 1_000_000);
    let times = measured(20, || {
        (0..1_000_000).for_each(|_| {
            black_box(Instant::now());
        });
    });
    print("a reading of the clock", &times, 1_000_000);
}

fn measured(rounds: usize, mut run: impl FnMut()) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn print(what: &str, times: &[Duration], each: u32) {
    let at = |part: usize| times[(times.len() - 1) * part / 100] / each;
    let nanos = |time: Duration| time.as_nanos() as f64;
    let (unit, scale) = if each > 1 {
        ("ns", 1.0)
    } else {
        ("µs", 1000.0)
    };
    println!(
        "  {what:<26} median {:>7.1} {unit}, 99 % {:>7.1} {unit}",
        nanos(at(50)) / scale,
        nanos(at(99)) / scale,
    );
}
