use crate::Stage;
use integration_tests::Kafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rws_kafka::outbox::{Connection, Outbox};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const EVENTS: usize = 5_000;
const EVERY: Duration = Duration::from_millis(2);

/// Measures the time from the call of commit until a consumer has the event, at 500 events per
/// second.
pub(crate) fn measure() {
    let stage = Stage::new();
    let consumer = consumer(&stage.topic);
    let relay = stage.relay().start(500);
    // The consumer has its partitions first, or its first second would be measured.
    integration_tests::eventually(Duration::from_secs(30), || {
        let early = consumer.poll(Duration::ZERO);
        assert!(
            early.is_none_or(|polled| polled.is_err()),
            "an event came before one was enqueued"
        );
        consumer.assignment().is_ok_and(|list| list.count() > 0)
    });
    let mut connection = stage.pool.get().expect("a connection");
    // The broker's JVM is slow at first.
    let _ = latencies(&stage, &mut connection, &consumer);
    let latencies = latencies(&stage, &mut connection, &consumer);
    let at = |part: usize| latencies[latencies.len() * part / 1000] as f64 / 1000.0;
    let (p50, p99) = (at(500), at(990));
    println!("commit to consumer at 500 events/s: p50 {p50:.1} ms, p99 {p99:.1} ms");
    relay.stop();
    let _ = relay.join();
}

fn consumer(topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", Kafka::shared_for_load().bootstrap())
        .set("group.id", topic)
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a client");
    consumer.subscribe(&[topic]).expect("a subscription");
    consumer
}

/// Returns the latencies in microseconds, sorted.
fn latencies(stage: &Stage, connection: &mut Connection, consumer: &BaseConsumer) -> Vec<u64> {
    let begun = Instant::now();
    let now = || u64::try_from(begun.elapsed().as_micros()).expect("less than 500,000 years");
    let committed: Vec<AtomicU64> = (0..EVENTS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut latencies = Vec::new();
            let end = Instant::now() + Duration::from_secs(90);
            while latencies.len() < EVENTS {
                assert!(Instant::now() < end, "only {} events came", latencies.len());
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    let text = message.payload().unwrap_or_default();
                    let text = String::from_utf8_lossy(text);
                    let number: usize = text.trim().parse().expect("a number");
                    latencies.push(now() - committed[number].load(Relaxed));
                }
            }
            latencies.sort_unstable();
            latencies
        });
        for (number, committed) in committed.iter().enumerate() {
            let due = EVERY * u32::try_from(number).expect("few events");
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let mut tx = connection.transaction().expect("a transaction");
            let (key, payload) = (number.to_string(), format!("{number:>1024}"));
            let enqueued = Outbox::new(&mut tx).enqueue_keyed(&stage.topic, key, payload);
            enqueued.expect("an event");
            committed.store(now(), Relaxed);
            tx.commit().expect("a commit");
        }
        reader.join().expect("no panic")
    })
}

/// Measures the transactions per second of a relay with nothing to do.
pub(crate) fn idle() {
    let stage = Stage::new();
    let relay = stage.relay().start(500);
    let count = || {
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database \
                   WHERE datname = current_database()";
        stage.sql(sql).parse::<f64>().expect("a number")
    };
    std::thread::sleep(Duration::from_secs(3));
    let (before, begun) = (count(), Instant::now());
    std::thread::sleep(Duration::from_secs(20));
    let rate = (count() - before) / begun.elapsed().as_secs_f64();
    println!("idle relay: {rate:.1} queries/s");
    relay.stop();
    let _ = relay.join();
}
