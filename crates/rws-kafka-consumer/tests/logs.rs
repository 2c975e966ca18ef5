//! librdkafka's log lines about a consumer. In a process of its own, because the log is global.

use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing_subscriber::filter::LevelFilter;

const SECRET: &str = "a-secret-qzjxk";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[test]
fn the_log_of_a_worker_holds_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    // Nothing listens there once the port is closed.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = port.local_addr().expect("an address").to_string();
    drop(port);
    let config = ConsumerConfig::new(nowhere, "group")
        .expect("valid settings")
        .observer(Observer::new())
        .property("debug", "all")
        .property("security.protocol", "SASL_PLAINTEXT")
        .property("sasl.mechanism", "PLAIN")
        .property("sasl.username", "me")
        .property("sasl.password", SECRET)
        .property("ssl.key.password", SECRET);
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe(["orders"]))
        .and_then(|consumer| consumer.try_start(|msg: ConsumerContext| msg.commit()))
        .expect("a worker");
    let until = Instant::now() + Duration::from_secs(20);
    let has_failed = || log.text().contains("librdkafka: ") && log.text().contains("FAIL");
    while !has_failed() {
        assert!(Instant::now() < until, "{}", log.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    // The work that it left does not matter here.
    let _ = handle.stop_within(Duration::from_secs(1));
    let shown = log.text();
    assert!(shown.contains("DEBUG librdkafka: "), "{shown}");
    assert!(!shown.contains("qzjxk"), "{shown}");
}
