//! Each query is answered by a real Prometheus that scrapes a real service.

use crate::operated::Service;
use crate::queries::{ALWAYS, alerts, labels_in, labels_on, metrics_in, panels};
use integration_tests::{Kafka, Postgres, Prometheus, Registry, SOON, soon, unique, unique_topic};
use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Several times what it takes until each rate has its two samples.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service that does everything, and keeps doing so.
struct Scene {
    service: Service,
    topic: String,
    passed_over: String,
    narrow: String,
}

impl Scene {
    fn start() -> Self {
        let kafka = Kafka::shared();
        let topic = unique_topic("orders");
        let passed_over = unique_topic("clicks");
        let narrow = unique_topic("narrow");
        kafka.create_topic(&topic, 2);
        kafka.create_topic(&format!("{topic}.dlq"), 1);
        kafka.create_topic(&passed_over, 1);
        kafka.create_topic_with(&narrow, 1, &[("max.message.bytes", "200")]);
        let database = Postgres::shared().create_database();
        let registry = Registry::shared().plain_url();
        let more = [
            ("DATABASE_URL", database.as_str()),
            ("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL", &registry),
            ("PASSED_OVER", &passed_over),
        ];
        Self {
            service: Service::start(kafka, &topic, &unique("group"), &more),
            topic,
            passed_over,
            narrow,
        }
    }

    fn work(&self) {
        for payload in ["done", "flaky", "broken: no such order"] {
            self.service.publish(&self.topic, payload);
        }
        self.service
            .publish(&self.passed_over, "broken: no such page");
        let wide = "x".repeat(1_000);
        self.service.publish(&self.narrow, &wide);
        self.service
            .post(&format!("/enqueue/{}", self.topic), "done");
        self.service
            .post(&format!("/enqueue/{}", self.narrow), &wide);
        self.service
            .post(&format!("/typed/{}", self.passed_over), "");
    }

    fn metrics(&self) -> String {
        self.service.get("/metrics").body
    }
}

#[test]
fn no_panel_is_empty_and_no_alert_asks_for_what_is_not_there() {
    let scene = Scene::start();
    scene.work();
    let wanted = queries();
    let mut missing = BTreeSet::new();
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        let page = labels_on(&scene.metrics());
        let wanted = wanted.iter().flat_map(|(query, _)| metrics_in(query));
        missing = wanted.filter(|name| !page.contains_key(name)).collect();
        if missing.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert!(missing.is_empty(), "not in /metrics: {missing:?}");
    let page = labels_on(&scene.metrics());
    for (query, legend) in &wanted {
        for name in metrics_in(query) {
            let unknown: Vec<_> = labels_in(query, &name, legend)
                .into_iter()
                .filter(|label| !page[&name].contains(label) && !ALWAYS.contains(&label.as_str()))
                .collect();
            assert!(unknown.is_empty(), "{name} has no {unknown:?}: {query}");
        }
    }

    let folder = tempfile::tempdir().expect("an empty folder");
    let configuration = folder.path().join("prometheus.yml");
    let rules = crate::queries::file("docker/prometheus/alerts.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: [\"{}\"]\n\
         scrape_configs: [{{ job_name: orders, static_configs: [{{ targets: [\"{}\"] }}] }}]\n",
        rules.display(),
        scene.service.address
    );
    fs::write(&configuration, text).expect("a file");
    let prometheus = Prometheus::start(&configuration);

    let mut empty: Vec<_> = panels()
        .into_iter()
        .map(|panel| {
            let expression = panel.expression.replace("$__rate_interval", "30s");
            (panel.title, expression.replace("$job", ".*"))
        })
        .collect();
    assert!(!empty.is_empty());
    let end = Instant::now() + PATIENCE;
    while !empty.is_empty() {
        assert!(Instant::now() < end, "empty panels: {empty:#?}");
        // Rates and quantiles need continuous activity.
        scene.work();
        empty.retain(|(title, query)| {
            let values = prometheus.values(query);
            let values = values.unwrap_or_else(|error| panic!("{title}: {query}: {error}"));
            !values.iter().any(|value| value.is_finite())
        });
    }

    // Alerts for what did happen fire, and no rule fails to evaluate.
    let firing = || {
        let data = prometheus.ask("alerts", &[]).expect("the alerts");
        let alerts = data["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let names = firing.filter_map(|alert| alert["labels"]["alertname"].as_str());
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let expected = [
        "KafkaDeadLetters",
        "KafkaOutboxParked",
        "KafkaProduceErrors",
    ];
    soon(|| firing() == expected.map(str::to_owned).into());
    let data = prometheus.ask("rules", &[]).expect("the rules");
    let groups = data["groups"].as_array().expect("groups");
    let rules: Vec<_> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .collect();
    assert_eq!(rules.len(), alerts().len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    scene.service.stop();
}

/// Returns all queries, with their legends.
fn queries() -> Vec<(String, String)> {
    let panels = panels().into_iter().map(|it| (it.expression, it.legend));
    let alerts = alerts()
        .into_iter()
        .map(|it| (it.expression, String::new()));
    panels.chain(alerts).collect()
}
