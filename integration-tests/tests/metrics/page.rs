//! The whole page as the server serves it, read by Prometheus' own parser.

use crate::support::Scene;
use integration_tests::jobs::Job;
use integration_tests::{HttpRequest, Registry, Sample, parse_metrics, soon};
use std::collections::BTreeMap;

#[test]
fn is_read_by_prometheus_parser_and_has_every_family() {
    let scene = Scene::new(2);
    scene.create_queue(1);
    let job = Job::ServeMetrics {
        place: scene.place(),
        queue: scene.queue.clone(),
        registry: Registry::shared().url(),
    };
    // The server's address is a setting of its process.
    let mut server = job
        .program(env!("CARGO_BIN_EXE_child"))
        .env("RWS_CONFIG_IP", "127.0.0.1")
        .env("RWS_CONFIG_PORT", "0")
        .start();
    let address = server.wait_for("listening on ");
    let page = || {
        let url = format!("http://{address}/metrics");
        HttpRequest::new("GET", &url).send().unwrap().body
    };
    // The statistics of brokers come last.
    let client = format!("client=\"{}\"", scene.topic);
    soon(|| {
        let page = page();
        let mut lines = page.lines();
        let has_brokers = lines.any(|line| {
            line.starts_with("rws_kafka_broker_throttle_ms{") && line.contains(&client)
        });
        has_brokers && page.contains("rws_kafka_consumer_lag{")
    });
    let text = page();
    let samples = parse_metrics(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    server.signal("TERM");
    // All of its own checks have passed.
    server.wait_for("stopped");
    assert!(server.wait().success());

    let mut families: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in &samples {
        families.entry(&sample.family).or_default().push(sample);
    }
    // No outbox is relayed here.
    let declared: Vec<_> = rws_kafka_observe::families()
        .filter(|family| !family.labels().contains(&"schema"))
        .collect();
    for family in &declared {
        // As the parser calls it.
        let name = family.name().trim_end_matches("_total");
        let found = families
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing\n{text}"));
        let mut labels = family.labels().to_vec();
        labels.sort_unstable();
        for sample in found {
            let names: Vec<&str> = sample.labels.keys().map(String::as_str).collect();
            let names: Vec<&str> = names.into_iter().filter(|name| *name != "le").collect();
            assert_eq!(
                (sample.kind.as_str(), names),
                (family.kind().to_string().as_str(), labels.clone()),
                "{sample:?}"
            );
        }
    }
    let ours = families
        .keys()
        .filter(|name| name.starts_with("rws_kafka_"));
    assert_eq!(ours.count(), declared.len(), "{families:?}");
    assert!(
        families.contains_key("rws_requests"),
        "the server's own are there\n{text}"
    );
    let topic = |sample: &&Sample| sample.labels.get("topic") == Some(&scene.topic);
    let produced = samples
        .iter()
        .filter(topic)
        .find(|sample| sample.name == "rws_kafka_messages_produced_total");
    assert_eq!(produced.map(|sample| sample.value), Some(3.0));
}

#[test]
fn the_parser_refuses_what_is_wrong() {
    for page in [
        "# TYPE a counter\na_total 1\na_total 2\n",
        "a{b=\"c} 1\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"y\"} 1\n",
    ] {
        assert!(parse_metrics(page).is_err(), "{page}");
    }
    let samples = parse_metrics("# TYPE a gauge\na{b=\"c\\\"d\"} 1.5\n").unwrap();
    assert_eq!(samples[0].labels["b"], "c\"d");
    assert_eq!(samples[0].value, 1.5);
}
