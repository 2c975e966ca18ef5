//! `/readyz` of an application that is wrapped in `KafkaLayer`.

mod common;

use common::wire::exchange;
use rust_web_server::app::App;
use rust_web_server::application::Application;
use rust_web_server::metrics::SERVER_READY;
use rws_kafka::{KafkaLayer, Observer};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Readiness of the server is a static: one test at a time.
fn with_server_ready(ready: bool) -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    SERVER_READY.store(ready, Ordering::SeqCst);
    guard
}

fn app(observer: &Observer) -> impl Application + use<> {
    App::with_state(()).wrap(KafkaLayer::new().observer(observer.clone()))
}

#[test]
fn a_reachable_broker_and_a_working_consumer_are_200_with_the_lag() {
    let _one = with_server_ready(true);
    let observer = Observer::new();
    let producer = observer.register_producer();
    producer.reachable();
    let consumer = observer.register_consumer("fulfilment", Duration::from_secs(60));
    consumer.reachable();
    consumer.assigned();
    consumer.work(Some(42), 0);

    let answer = exchange(app(&observer), "GET", "/readyz");

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":42}"#
    );
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(
        answer.header("Content-Length"),
        Some(answer.body.len().to_string().as_str())
    );
}

#[test]
fn an_unreachable_broker_is_503() {
    let _one = with_server_ready(true);
    let observer = Observer::new();
    let _producer = observer.register_producer();

    let answer = exchange(app(&observer), "GET", "/readyz");

    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.body,
        r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#
    );
}

#[test]
fn a_service_without_kafka_is_ready_when_its_server_is() {
    let _one = with_server_ready(true);

    let answer = exchange(app(&Observer::new()), "GET", "/readyz");

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        r#"{"status":"ok","kafka_producer":null,"kafka_consumer_lag":null}"#
    );
}

#[test]
fn a_server_that_is_not_ready_is_degraded_however_kafka_is() {
    let _one = with_server_ready(false);
    let observer = Observer::new();
    let producer = observer.register_producer();
    producer.reachable();

    let answer = exchange(app(&observer), "GET", "/readyz");

    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.body,
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":null,"cause":"the web server is starting or stopping"}"#
    );
}

#[test]
fn head_has_the_same_head_and_no_body() {
    let _one = with_server_ready(true);
    let observer = Observer::new();
    let _producer = observer.register_producer();

    let get = exchange(app(&observer), "GET", "/readyz");
    let head = exchange(app(&observer), "HEAD", "/readyz");

    assert_eq!(head.status, 503);
    assert_eq!(head.header("Content-Type"), Some("application/json"));
    assert_eq!(head.header("Content-Length"), get.header("Content-Length"));
    assert_eq!(head.body, "");
}

#[test]
fn a_query_string_changes_nothing() {
    let _one = with_server_ready(true);

    let answer = exchange(app(&Observer::new()), "GET", "/readyz?verbose=1");

    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(r#"{"status":"ok""#));
}

#[test]
fn the_servers_default_headers_are_kept() {
    let _one = with_server_ready(true);

    let of_the_server = exchange(App::with_state(()), "GET", "/readyz");
    let of_the_layer = exchange(app(&Observer::new()), "GET", "/readyz");

    for name in ["X-Content-Type-Options", "Cache-Control", "Vary"] {
        assert_eq!(
            of_the_layer.header(name),
            of_the_server.header(name),
            "{name}"
        );
    }
}

#[test]
fn other_requests_pass_untouched() {
    let _one = with_server_ready(true);
    let observer = Observer::new();
    let _producer = observer.register_producer();

    for (method, path) in [
        ("POST", "/readyz"),
        ("GET", "/healthz"),
        ("GET", "/readyz/more"),
    ] {
        let without = exchange(App::with_state(()), method, path);
        let with = exchange(app(&observer), method, path);
        assert_eq!(
            (with.status, with.body),
            (without.status, without.body),
            "{method} {path}"
        );
    }
    assert_eq!(exchange(app(&observer), "GET", "/healthz").status, 200);
}
