//! The whole page as the server serves it, read by Prometheus' own parser.

use crate::support::{Scene, close, ready, soon, stop};
use integration_tests::{HttpRequest, Registry, Sample, parse_metrics, unique, unique_topic};
use rust_web_server::app::App;
use rws_kafka::schema::Schema;
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::{KafkaLayer, Serve};
use rws_kafka_consumer::{ConsumerContext, HandlerError};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// What the process that serves the page says when all is as it should be.
const DONE: &str = "the page is as it should be";

/// The server's address is a setting of its process.
#[test]
fn is_read_by_prometheus_parser_and_has_every_family() {
    let output = Command::new(std::env::current_exe().expect("a test binary"))
        .args(["--exact", "page::served", "--ignored", "--nocapture"])
        .envs([("RWS_CONFIG_IP", "127.0.0.1"), ("RWS_CONFIG_PORT", "0")])
        .output()
        .expect("the test binary starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains(DONE),
        "{said}{errors}"
    );
}

#[test]
#[ignore = "run by is_read_by_prometheus_parser_and_has_every_family, in a process of its own"]
fn served() {
    let scene = Scene::new(2);
    let queue = unique_topic("dlq");
    scene.kafka.create_topic(&queue, 1);
    let producer = scene.producer(&scene.observer);
    let registry =
        SchemaRegistry::confluent(Registry::shared().url()).with_observer(scene.observer.clone());
    let schema = Schema::avro(r#"{"type":"string"}"#);
    registry.register(&unique("page"), &schema).unwrap();
    let consumer = scene.consumer().dead_letter_queue(&queue).max_retries(0);
    let worker = consumer.start(|msg: ConsumerContext| match msg.payload_str()? {
        "bad" => Err(HandlerError::new("not \"this\" \\ one\n")),
        _ => msg.commit(),
    });
    ready(&worker);
    for payload in ["good", "bad", "good"] {
        producer.send(&scene.topic, payload).unwrap();
    }

    // Its address is the server's own setting.
    let layer = KafkaLayer::new().observer(scene.observer.clone());
    let app = App::with_state(()).wrap(layer);
    let serve = Serve::new()
        .deadline(Duration::from_secs(10))
        .bind()
        .unwrap();
    let address = serve.local_addr().unwrap();
    let stopper = serve.stopper();
    let server = std::thread::spawn(move || rws_kafka::serve(app, serve));
    let page = || {
        let url = format!("http://127.0.0.1:{}/metrics", address.port());
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
    stopper.stop();
    assert!(server.join().unwrap().unwrap().is_clean());

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
    soon(|| worker.status().lag() == Some(0));
    close(&producer);
    stop(&worker);
    println!("{DONE}");
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
