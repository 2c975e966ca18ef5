//! `/livez` of an application that is wrapped in `KafkaLayer`.

mod common;

use common::SOON;
use common::http::Answer;
use common::wire::exchange;
use rust_web_server::app::App;
use rws_kafka::{KafkaLayer, Observer};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(3600);

fn livez(observer: &Observer, silence: Duration, method: &str, path: &str) -> Answer {
    let layer = KafkaLayer::new().observer(observer.clone()).livez(silence);
    exchange(App::with_state(()).wrap(layer), method, path)
}

#[test]
fn a_process_without_workers_lives() {
    let answer = livez(&Observer::new(), Duration::ZERO, "GET", "/livez?verbose");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"status":"ok","kafka_poll_age_ms":null}"#);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
}

#[test]
fn a_poll_thread_that_is_silent_for_too_long_is_503() {
    let observer = Observer::new();
    let consumer = observer.register_consumer("fulfilment", LONG);
    consumer.heartbeat();
    assert_eq!(livez(&observer, LONG, "GET", "/livez").status, 200);

    let silence = Duration::from_millis(20);
    let deadline = Instant::now() + SOON;
    let stuck = loop {
        let answer = livez(&observer, silence, "GET", "/livez");
        if answer.status == 503 {
            break answer;
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        thread::sleep(Duration::from_millis(5));
    };
    let age = stuck
        .body
        .strip_prefix(r#"{"status":"stuck","kafka_poll_age_ms":"#)
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|age| age.parse::<u64>().ok());
    assert!(age.is_some_and(|age| age >= 20), "{stuck:?}");

    let head = livez(&observer, silence, "HEAD", "/livez");
    assert_eq!((head.status, head.body.as_str()), (503, ""));
    // The broker and the group have no part in it.
    consumer.unreachable();
    assert_eq!(livez(&observer, LONG, "GET", "/livez").status, 200);
    // A worker that failed polls no more; readiness reports that.
    consumer.failed();
    assert_eq!(livez(&observer, silence, "GET", "/livez").status, 200);
}

#[test]
fn there_is_none_unless_it_is_asked_for() {
    let layer = KafkaLayer::new().observer(Observer::new());
    let without = exchange(App::with_state(()), "GET", "/livez");
    let with = exchange(App::with_state(()).wrap(layer), "GET", "/livez");
    assert_eq!((with.status, with.body), (without.status, without.body));
    assert_ne!(with.status, 200);
}
