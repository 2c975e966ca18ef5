//! Each state of `/readyz`, entered and left on a real broker.

use crate::operated::Service;
use integration_tests::{Kafka, SOON, soon, unique, unique_topic};
use rust_web_server::app::App;
use rust_web_server::metrics::SERVER_READY;
use rust_web_server::test_client::TestClient;
use rws_kafka::{
    ConsumerConfig, ConsumerContext, KafkaConsumer, KafkaLayer, KafkaProducer, Observer,
    ProducerConfig,
};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

const READY: &str = r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":0}"#;
const HOUR_MS: (&str, &str) = ("RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS", "3600000");

/// Returns a topic of one partition, and its dead letters.
fn topic(kafka: &Kafka) -> String {
    let topic = unique_topic("orders");
    kafka.create_topic(&topic, 1);
    kafka.create_topic(&format!("{topic}.dlq"), 1);
    topic
}

#[test]
fn a_broker_that_is_paused_and_resumed() {
    let kafka = Kafka::start();
    let topic = topic(&kafka);
    let service = Service::start(&kafka, &topic, &unique("group"), &[]);
    service.becomes(200, READY);

    kafka.pause();
    service.becomes(
        503,
        r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#,
    );
    assert_eq!(service.get("/healthz").status, 200);
    assert_eq!(service.get("/livez").status, 200);

    kafka.unpause();
    service.becomes(200, READY);
    service.stop();
}

/// From the start of the service through a broker that is killed and comes back.
#[test]
fn no_degraded_answer_is_without_its_cause_and_the_first_of_an_outage_is_the_roadmaps() {
    const DOWN: &str =
        r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#;
    let kafka = Kafka::start_for_kill();
    let topic = topic(&kafka);
    let service = Service::start(&kafka, &topic, &unique("group"), &[]);
    let mut seen = Vec::new();
    let mut poll_until = |what: &str, status: u16| {
        let end = std::time::Instant::now() + SOON;
        loop {
            let answer = service.get("/readyz");
            if seen.last() != Some(&answer.body) {
                seen.push(answer.body.clone());
            }
            if answer.status == status {
                return seen.len();
            }
            assert!(std::time::Instant::now() < end, "{what}: {seen:#?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    poll_until("start", 200);
    poll_until("start", 200);
    kafka.kill();
    let first = poll_until("outage", 503);
    // Both clients also notice it by themselves.
    let end = std::time::Instant::now() + Duration::from_secs(6);
    while std::time::Instant::now() < end {
        poll_until("outage", 503);
    }
    let down = seen[first - 1..].to_vec();
    kafka.restart();
    let mut poll_until = |status: u16| {
        let answer = service.get("/readyz");
        if seen.last() != Some(&answer.body) {
            seen.push(answer.body.clone());
        }
        answer.status == status
    };
    soon(|| poll_until(200));
    assert_eq!(down, [DOWN], "{seen:#?}");
    for body in &seen {
        let has_cause = ["kafka_consumer\"", "cause\""]
            .iter()
            .any(|field| body.contains(field));
        let is_ok = body.contains(r#""status":"ok""#);
        assert!(is_ok || body == DOWN || has_cause, "{body} of {seen:#?}");
    }
    service.stop();
}

#[test]
fn a_handler_that_is_stuck_for_the_lag_timeout_and_goes_on() {
    let kafka = Kafka::shared();
    let topic = topic(kafka);
    let soon = ("RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS", "1500");
    let strict = Service::start(kafka, &topic, &unique("strict"), &[soon]);
    let patient = Service::start(kafka, &topic, &unique("patient"), &[HOUR_MS]);
    strict.becomes(200, READY);
    patient.becomes(200, READY);

    strict.publish(&topic, "hold");
    patient.becomes(
        200,
        r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":1}"#,
    );
    strict.becomes(
        503,
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":1,"kafka_consumer":"stalled"}"#,
    );
    assert_eq!(patient.get("/readyz").status, 200);
    assert_eq!(strict.get("/livez").status, 200);

    strict.post("/release", "");
    strict.becomes(200, READY);
    strict.stop();
    patient.stop();
}

#[test]
fn a_rebalance_that_waits_for_a_message_in_hand() {
    let kafka = Kafka::shared();
    let topic = topic(kafka);
    let group = unique("group");
    let mut first = Service::start(kafka, &topic, &group, &[HOUR_MS]);
    first.becomes(200, READY);
    first.publish(&topic, "hold");
    first.child.wait_for("holding a message");

    // The group takes the partition back, and waits for the message.
    let second = Service::start(kafka, &topic, &group, &[HOUR_MS]);
    first.becomes(
        503,
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":1,"kafka_consumer":"rebalancing"}"#,
    );
    let waits = second.get("/readyz");
    assert_eq!(waits.status, 503);
    assert!(
        waits.body.ends_with(r#""kafka_consumer":"rebalancing"}"#),
        "{waits:?}"
    );

    first.post("/release", "");
    first.becomes(200, READY);
    second.becomes(200, READY);
    first.stop();
    second.stop();
}

#[test]
fn a_server_that_drains() {
    let kafka = Kafka::shared();
    let topic = topic(kafka);
    let mut service = Service::start(kafka, &topic, &unique("group"), &[]);
    service.becomes(200, READY);
    // Kept alive, as a proxy's connections are: new ones are refused while the server drains.
    let mut proxy = Connection::open(&service.address);
    assert_eq!(proxy.get("/readyz").0, 200);
    let mut slow = Connection::open(&service.address);
    slow.send("POST", "/slow");
    service.child.wait_for("holding a request");

    service.child.signal("TERM");
    soon(|| TcpStream::connect(&service.address).is_err());
    assert_eq!(
        proxy.get("/readyz"),
        (
            503,
            r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":0,"cause":"the web server is starting or stopping"}"#.to_owned()
        )
    );

    // The stop's own deadline ends the request, which was not released.
    assert_eq!(service.child.wait_for("clean: "), "false");
    assert!(service.child.wait().success());
}

/// A hook runs on the thread that polls.
#[test]
fn a_poll_thread_that_hangs_shows_in_livez_until_it_goes_on() {
    let kafka = Kafka::shared();
    let topic = topic(kafka);
    let observer = Observer::new();
    let (go_on, hang) = channel::<()>();
    let hang = Mutex::new(hang);
    let config = ConsumerConfig::new(kafka.bootstrap(), unique("group")).expect("valid settings");
    let worker = KafkaConsumer::new(config.observer(observer.clone()))
        .and_then(|consumer| consumer.subscribe([topic.as_str()]))
        .expect("a consumer")
        .on_assign(move |_| {
            let _ = hang.lock().expect("one hook at a time").recv_timeout(SOON);
        })
        .start(|message: ConsumerContext| message.commit());
    let silence = Duration::from_secs(2);
    let layer = KafkaLayer::new().observer(observer).livez(silence);
    let client = TestClient::new(App::with_state(()).wrap(layer));
    let answers = |text: &str| client.get("/livez").send().body_text().contains(text);

    assert!(answers(r#""status":"ok""#));
    soon(|| answers(r#""status":"stuck""#));
    drop(go_on);
    soon(|| answers(r#""status":"ok""#));
    worker.stop();
    assert!(answers(r#"{"status":"ok","kafka_poll_age_ms":null}"#));
}

/// A wait is visible as a voluntary context switch of the thread.
#[test]
fn a_thousand_answers_wait_for_nothing_while_the_broker_is_paused() {
    const CALLS: u64 = 1_000;
    let kafka = Kafka::start();
    let topic = topic(&kafka);
    let observer = Observer::new();
    let config = ProducerConfig::new(kafka.bootstrap()).expect("valid settings");
    let producer = KafkaProducer::new(config.observer(observer.clone())).expect("a producer");
    let config = ConsumerConfig::new(kafka.bootstrap(), unique("group")).expect("valid settings");
    let worker = KafkaConsumer::new(config.observer(observer.clone()))
        .and_then(|consumer| consumer.subscribe([topic.as_str()]))
        .expect("a consumer")
        .start(|message: ConsumerContext| message.commit());
    SERVER_READY.store(true, Ordering::SeqCst);
    let layer = KafkaLayer::new().observer(observer.clone());
    let client = TestClient::new(App::with_state(()).wrap(layer));
    let answers = |text: &str| {
        let answer = client.get("/readyz").send();
        answer.body_text().contains(text)
    };
    soon(|| answers(r#""status":"ok""#));

    kafka.pause();
    soon(|| answers(r#""kafka_producer":"unreachable""#));
    let before = waits_of_this_thread();
    for _ in 0..CALLS {
        assert!(answers(r#""status":"degraded""#));
    }
    let waits = waits_of_this_thread() - before;
    // A lock that another thread held briefly is tolerated.
    assert!(waits < CALLS / 20, "{waits} of {CALLS} answers waited");

    kafka.unpause();
    soon(|| answers(r#""status":"ok""#));
    worker.stop();
    assert_eq!(producer.close(SOON).undelivered, 0);
}

fn waits_of_this_thread() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").expect("Linux shows it");
    let count = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
        .expect("Linux counts them");
    count.trim().parse().expect("a number")
}

/// A connection for one request after the other.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a read timeout");
        Self {
            stream: BufReader::new(stream),
        }
    }

    fn send(&mut self, method: &str, path: &str) {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let stream = self.stream.get_mut();
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        self.send("GET", path);
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            } else if line.starts_with("http/1.1 ") {
                status = line[9..12].parse().expect("a status");
            } else if let Some(found) = line.strip_prefix("content-length:") {
                length = found.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body");
        (status, String::from_utf8(body).expect("text"))
    }
}
