//! The service as a process, on its embedded broker.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes: only a hang reaches it.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn an_order_is_accepted_published_fulfilled_and_shown() {
    let service = Service::start();
    let order = r#"{"order_id":1,"user_id":42,"amount_cents":9900}"#;
    assert_eq!(service.get("/orders/1").0, 404);

    let (status, body) = service.post(order);

    assert_eq!(
        (status, body.as_str()),
        (202, r#"{"order_id":1,"status":"accepted"}"#)
    );
    service.wait_until("the order is fulfilled", |service| {
        service.get("/orders/1") == (200, order.to_owned())
    });
    service.wait_until("the service is ready", |service| {
        service.get("/readyz").0 == 200
    });
    assert_eq!(service.get("/healthz").0, 200);
    let (_, metrics) = service.get("/metrics");
    assert!(metrics.contains("rws_requests_total"), "{metrics}");
    assert!(
        metrics.contains(r#"rws_kafka_messages_produced_total{topic="orders.created"} 1"#),
        "{metrics}"
    );
}

#[test]
fn a_bad_body_is_refused_with_the_reason() {
    let service = Service::start();

    for (body, reason) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "found an array"),
        (
            r#"{"order_id":1,"amount_cents":9900}"#,
            "user_id is missing",
        ),
        (
            r#"{"order_id":1,"user_id":"me","amount_cents":9900}"#,
            r#"user_id must be an integer from 0 to 18446744073709551615, found \"me\""#,
        ),
    ] {
        let (status, answer) = service.post(body);
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains(reason), "{body}: {answer}");
    }
    assert_eq!(service.post(&"a".repeat(20_000)).0, 413);
    assert_eq!(service.get("/orders/one").0, 400);
    assert_eq!(service.get("/healthz").0, 200, "it has survived all that");
}

#[test]
fn sigterm_ends_it_in_order() {
    let mut service = Service::start();
    assert_eq!(service.get("/healthz").0, 200);
    let id = service.process.id();

    let killed = Command::new("sh")
        .args(["-c", &format!("kill -TERM {id}")])
        .status();

    assert!(killed.unwrap().success());
    let deadline = Instant::now() + SOON;
    let status = loop {
        if let Some(status) = service.process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
    service.wait_for_log("nothing left undone");
}

#[test]
fn its_log_says_which_broker_it_uses() {
    let service = Service::start();
    assert!(
        service
            .log_before_listening
            .iter()
            .any(|line| line.contains("using an embedded one on 127.0.0.1:")),
        "{:?}",
        service.log_before_listening
    );
}

/// Killed when it is dropped.
struct Service {
    process: Child,
    address: String,
    log: Receiver<String>,
    log_before_listening: Vec<String>,
}

impl Service {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_orders-service"))
            .env("RWS_CONFIG_IP", "127.0.0.1")
            .env("RWS_CONFIG_PORT", "0")
            .env_remove("RWS_CONFIG_KAFKA_BROKERS")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service");
        let stderr = process.stderr.take().expect("its log");
        let (sender, log) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut service = Self {
            process,
            address: String::new(),
            log,
            log_before_listening: Vec::new(),
        };
        let (seen, address) = service.wait_for_log("listening on http://");
        service.address = address;
        service.log_before_listening = seen;
        service
    }

    /// Waits for a line that holds `marker`: the lines before it, and what follows the marker.
    fn wait_for_log(&self, marker: &str) -> (Vec<String>, String) {
        let deadline = Instant::now() + SOON;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(deadline - Instant::now()) {
            if let Some((_, rest)) = line.split_once(marker) {
                return (seen, rest.to_owned());
            }
            seen.push(line);
        }
        panic!("{marker:?} is not in the log:\n{}", seen.join("\n"));
    }

    fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + SOON;
        while !condition(self) {
            assert!(Instant::now() < deadline, "{what}: it does not come true");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    fn post(&self, body: &str) -> (u16, String) {
        self.request("POST", "/orders", body)
    }

    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = Vec::new();
        // A server that has not read the whole of a body may reset the connection after its answer.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
