//! librdkafka's log lines about a producer. In a process of its own, because the log is global.

use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing_subscriber::filter::LevelFilter;

const SECRET: &str = "a-secret-qzjxk";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The log of this process from now on, at every level.
    fn of_all() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        log
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        text.lines().map(str::to_owned).collect()
    }

    fn count(&self, of: impl Fn(&str) -> bool) -> usize {
        self.lines().iter().filter(|line| of(line)).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Addresses where nothing listens.
fn nowhere(count: usize) -> String {
    let ports: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let addresses = ports.iter().map(|port| port.local_addr().unwrap());
    let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
    addresses.join(",")
}

#[test]
fn the_log_holds_no_secret_and_no_flood() {
    const BROKERS: usize = 40;
    let log = Log::of_all();
    let began = Instant::now();
    let config = |brokers| {
        ProducerConfig::new(brokers)
            .expect("addresses")
            .observer(Observer::new())
            .close_timeout(Duration::ZERO)
    };
    let quiet = config(nowhere(BROKERS));
    let flood = KafkaProducer::new(quiet).expect("a producer");
    assert!(flood.ping(Duration::from_secs(2)).is_err());
    // Of each broker one is due at once.
    let failed = |line: &str| line.contains("librdkafka: ") && line.contains("facility=\"FAIL\"");
    let windows = 1 + began.elapsed().as_secs() as usize / 10;
    let lines = log.count(failed);
    assert!((1..=10 * windows).contains(&lines), "{lines} in {windows}");
    assert_eq!(log.count(|line| line.contains("held_back=0")), 0);

    let talking = config(nowhere(1))
        .property("debug", "all")
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "PLAIN")
        .property("sasl.username", "me")
        .property("sasl.password", SECRET)
        .property("ssl.key.password", SECRET);
    assert!(!format!("{talking:?}").contains(SECRET));
    let producer = KafkaProducer::new(talking).expect("a producer");
    producer.send("orders", "payload").expect("room");
    assert!(producer.ping(Duration::from_secs(2)).is_err());
    drop(producer);
    let debugging = |line: &str| line.contains("DEBUG librdkafka: ");
    assert!(log.count(debugging) > 10, "{:?}", log.lines());
    assert_eq!(log.count(|line| line.contains(SECRET)), 0);
    let shows = log.lines().join("\n");
    assert!(!shows.contains("qzjxk"), "{shows}");
}
