//! `/metrics` of an application that is wrapped in `KafkaLayer`.

mod common;

use common::http::Answer;
use common::wire::{exchange, exchange_raw};
use rust_web_server::app::App;
use rust_web_server::range::Range;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{KafkaLayer, Observer};
use std::time::Duration;

fn observer_with_one_event() -> Observer {
    let observer = Observer::new();
    observer
        .metrics()
        .produced_to("orders.created")
        .delivered(Duration::from_millis(7));
    observer
}

fn families(page: &Answer) -> Vec<String> {
    page.body
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_servers_page_is_whole_and_the_kafka_metrics_follow_it() {
    let observer = observer_with_one_event();

    let of_the_server = exchange(App::with_state(()), "GET", "/metrics");
    let layer = KafkaLayer::new().observer(observer.clone());
    let page = exchange(App::with_state(()).wrap(layer), "GET", "/metrics");

    assert_eq!(page.status, 200);
    assert!(page.body.ends_with(&observer.render()));
    assert!(
        page.body
            .contains("\nrws_kafka_messages_produced_total{topic=\"orders.created\"} 1\n")
    );
    let kept = families(&of_the_server);
    assert!(!kept.is_empty());
    assert_eq!(families(&page)[..kept.len()], kept);
    assert_eq!(
        page.header("Content-Type"),
        of_the_server.header("Content-Type")
    );
    assert_eq!(
        page.header("Content-Length"),
        Some(page.body.len().to_string().as_str())
    );
}

#[test]
fn a_scraper_that_accepts_protobuf_gets_the_text_with_kafka_in_it() {
    let observer = observer_with_one_event();
    let layer = KafkaLayer::new().observer(observer.clone());

    let page = exchange_raw(
        App::with_state(()).wrap(layer),
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
         encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3\r\n\r\n",
    );

    assert_eq!(
        page.header("Content-Type"),
        Some("text/plain; version=0.0.4")
    );
    assert!(page.body.contains("rws_requests_total"));
    assert!(page.body.ends_with(&observer.render()));
}

#[test]
fn a_page_that_is_no_text_is_left_as_it_is() {
    let app = App::with_state(()).get("/metrics", |_req, _params, _conn, _state| {
        let body = Range::get_content_range(b"{}".to_vec(), "application/json".to_owned());
        Response::get_response(STATUS_CODE_REASON_PHRASE.n200_ok, None, Some(vec![body]))
    });
    let layer = KafkaLayer::new().observer(observer_with_one_event());

    assert_eq!(exchange(app.wrap(layer), "GET", "/metrics").body, "{}");
}

#[test]
fn a_page_of_the_services_own_that_does_not_end_its_last_line_gets_a_line_end() {
    let app = App::with_state(()).get("/metrics", |_req, _params, _conn, _state| {
        let body = Range::get_content_range(b"orders 3".to_vec(), "text/plain".to_owned());
        Response::get_response(STATUS_CODE_REASON_PHRASE.n200_ok, None, Some(vec![body]))
    });
    let layer = KafkaLayer::new().observer(observer_with_one_event());

    let page = exchange(app.wrap(layer), "GET", "/metrics");

    assert!(page.body.starts_with("orders 3\n# HELP rws_kafka_"));
}

#[test]
fn a_services_own_metrics_follow_and_one_that_panics_is_left_out() {
    let layer = KafkaLayer::new()
        .observer(observer_with_one_event())
        .append_metrics(|| "orders_total 7".to_owned())
        .append_metrics(|| panic!("a metric is broken"))
        .append_metrics(|| "refunds_total 1\n".to_owned());

    let page = exchange(App::with_state(()).wrap(layer), "GET", "/metrics");

    assert!(page.body.contains("rws_kafka_messages_produced_total"));
    assert!(
        page.body.ends_with("\norders_total 7\nrefunds_total 1\n"),
        "{}",
        page.body
    );
}
