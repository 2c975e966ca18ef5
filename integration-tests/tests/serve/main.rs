//! A whole service, in its own process, on a real broker.

mod operated;
mod readiness;

use integration_tests::{Child, Kafka, Program, SOON, soon};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

const GROUP: &str = "roadmap-service";

/// Returns a broker of the test's own, as the roadmap's topics have fixed names.
fn broker() -> Kafka {
    let kafka = Kafka::start();
    kafka.create_topic("orders.created", 1);
    kafka.create_topic("payments.completed", 1);
    kafka
}

fn service(kafka: &Kafka) -> Child {
    Program::new(env!("CARGO_BIN_EXE_roadmap-service"))
        .env("RWS_CONFIG_IP", "127.0.0.1")
        .env("RWS_CONFIG_PORT", "0")
        .env("RWS_CONFIG_THREAD_COUNT", "40")
        .env("RWS_CONFIG_KAFKA_BROKERS", kafka.bootstrap())
        .env("RWS_CONFIG_KAFKA_CLIENT_ID", "my-service")
        .env("RWS_CONFIG_KAFKA_CONSUMER_GROUP", GROUP)
        .env("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
        .env("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "30000")
        .env("RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET", "earliest")
        .start()
}

fn request(address: &str, method: &str, path: &str) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn the_roadmaps_service_publishes_from_handlers_and_consumes_beside_the_server() {
    let kafka = broker();
    let mut service = service(&kafka);
    let address = service.wait_for("listening on ");

    for path in ["/orders", "/payments"] {
        let answer = request(&address, "POST", path).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let mut handled = [(); 4].map(|()| service.wait_for("topic="));
    handled.sort();
    assert_eq!(
        handled,
        [
            "orders.created partition=0 offset=0",
            "orders.created partition=0 offset=1",
            "payments.completed partition=0 offset=0",
            "payments.completed partition=0 offset=1",
        ]
    );
    for topic in ["orders.created", "payments.completed"] {
        soon(|| kafka.committed_offset(GROUP, topic, 0) == Some(2));
    }
    let with_keys = kafka.kcat(&[
        "-C",
        "-e",
        "-q",
        "-t",
        "orders.created",
        "-f",
        "%k=%s\n",
        "-Z",
    ]);
    assert_eq!(
        String::from_utf8_lossy(&with_keys),
        "NULL={\"order_id\": 1}\norder-1={\"order_id\": 1}\n"
    );
    let with_headers = kafka.kcat(&[
        "-C",
        "-e",
        "-q",
        "-t",
        "payments.completed",
        "-o",
        "1",
        "-f",
        "%h\n",
    ]);
    assert_eq!(
        String::from_utf8_lossy(&with_headers),
        "schema-version=1,correlation-id=abc\n"
    );

    soon(|| {
        request(&address, "GET", "/readyz").is_ok_and(|answer| {
            answer.ends_with(r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":0}"#)
        })
    });
    let metrics = request(&address, "GET", "/metrics").expect("an answer");
    for line in [
        "rws_kafka_messages_produced_total{topic=\"orders.created\"} 2",
        "rws_kafka_messages_consumed_total{group=\"roadmap-service\",topic=\"orders.created\"} 2",
        "rws_requests_total",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let healthy = request(&address, "GET", "/healthz").expect("an answer");
    assert!(healthy.starts_with("HTTP/1.1 200"), "{healthy}");

    service.signal("TERM");
    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
}

#[test]
fn requests_in_flight_at_sigterm_are_all_answered_and_all_their_events_are_in_kafka() {
    const REQUESTS: usize = 30;
    let kafka = broker();
    let mut service = service(&kafka);
    let address = service.wait_for("listening on ");
    let clients: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || request(&address, "POST", "/orders"))
        })
        .collect();
    for _ in &clients {
        service.wait_for("begun");
    }

    service.signal("TERM");

    for client in clients {
        let answer = client.join().expect("a client").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
    assert_eq!(kafka.end_offset("orders.created", 0), 2 * REQUESTS as i64);
}

#[test]
fn readiness_follows_the_broker_and_liveness_does_not() {
    let kafka = broker();
    let mut service = service(&kafka);
    let address = service.wait_for("listening on ");
    let is_ready =
        || request(&address, "GET", "/readyz").is_ok_and(|a| a.starts_with("HTTP/1.1 200"));
    soon(is_ready);

    kafka.pause();
    soon(|| {
        request(&address, "GET", "/readyz").is_ok_and(|answer| {
            answer.starts_with("HTTP/1.1 503")
                && answer.ends_with(
                    r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#,
                )
        })
    });
    let healthy = request(&address, "GET", "/healthz").expect("an answer");
    assert!(healthy.starts_with("HTTP/1.1 200"), "{healthy}");

    kafka.unpause();
    soon(is_ready);
    service.signal("TERM");
    assert!(service.wait().success());
}

#[test]
fn a_service_with_wrong_settings_ends_and_names_them_all() {
    let mut service = Program::new(env!("CARGO_BIN_EXE_roadmap-service"))
        .env("RWS_CONFIG_KAFKA_BROKERS", "")
        .env("RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET", "never")
        .env("RWS_CONFIG_KAFKA_SASL_PASSWORD", "hunter2-hunter2")
        .start();
    assert!(!service.wait().success());
    let said = service.errors();
    for expected in [
        "RWS_CONFIG_KAFKA_BROKERS",
        "RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET",
        "\"never\"",
        "earliest or latest",
        "RWS_CONFIG_KAFKA_SASL_PASSWORD",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}
