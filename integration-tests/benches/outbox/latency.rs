use crate::Stage;
use integration_tests::Kafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rws_kafka::outbox::Outbox;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const EVENTS: u32 = 5_000;
const EVERY: Duration = Duration::from_millis(2);

/// From the call of commit until a consumer has the event, at 500 events a second.
pub(crate) fn measure() {
    let stage = Stage::new();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", Kafka::shared().bootstrap())
        .set("group.id", &stage.topic)
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a client");
    consumer.subscribe(&[&stage.topic]).expect("a subscription");
    let relay = stage.relay().start(500);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut latencies = Vec::new();
            let end = Instant::now() + Duration::from_secs(90);
            while latencies.len() < EVENTS as usize {
                assert!(Instant::now() < end, "only {} events came", latencies.len());
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    let text = message.payload().unwrap_or_default();
                    let micros = String::from_utf8_lossy(text);
                    let sent: u64 = micros.trim().parse().expect("microseconds");
                    latencies.push(now().saturating_sub(sent));
                }
            }
            latencies
        });
        // The consumer has its partitions first, or its first second would be measured.
        integration_tests::eventually(Duration::from_secs(30), || {
            consumer.assignment().is_ok_and(|list| list.count() > 0)
        });
        let mut connection = stage.pool.get().expect("a connection");
        let begun = Instant::now();
        for number in 0..EVENTS {
            std::thread::sleep((EVERY * number).saturating_sub(begun.elapsed()));
            let mut tx = connection.transaction().expect("a transaction");
            let outbox = Outbox::new(&mut tx);
            let payload = format!("{:>1024}", now());
            let key = (number % 10_000).to_string();
            let enqueued = outbox.enqueue_keyed(&stage.topic, key, payload);
            enqueued.expect("an event");
            tx.commit().expect("a commit");
        }
        let mut latencies = reader.join().expect("no panic");
        latencies.sort_unstable();
        let at = |part: usize| latencies[latencies.len() * part / 1000] as f64 / 1000.0;
        let (p50, p99) = (at(500), at(990));
        println!("commit to consumer at 500 events/s: p50 {p50:.1} ms, p99 {p99:.1} ms");
    });
    relay.stop();
    let _ = relay.join();
}

/// The transactions a second of a relay with nothing to do.
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

fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(time.expect("after 1970").as_micros()).expect("before the year 500000")
}
