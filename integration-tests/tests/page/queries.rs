//! The queries of the dashboard and of the alerts.

use rws_kafka_observe::families;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The labels that Prometheus adds by itself, and the one that only a histogram's buckets have.
pub(crate) const ALWAYS: [&str; 3] = ["job", "instance", "le"];

pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) runbook: String,
}

/// A query of a panel, and how its series are named.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) expression: String,
    pub(crate) legend: String,
}

/// Returns a file of this repository.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Read line by line: `promtool` has checked the file's form.
pub(crate) fn alerts() -> Vec<Alert> {
    let text = fs::read_to_string(file("docker/prometheus/alerts.yml")).expect("the alerts");
    let mut rules = text.split("- alert: ").skip(1);
    let mut alerts = Vec::new();
    for rule in &mut rules {
        let (_, rest) = rule.split_once("expr:").expect("an expression");
        let end = ["        for:", "        labels:"];
        let end = end.iter().filter_map(|end| rest.find(end)).min();
        let expression = &rest[..end.expect("what follows the expression")];
        let (_, runbook) = rule.split_once("runbook_url: ").expect("a runbook");
        alerts.push(Alert {
            name: rule.lines().next().expect("a name").to_owned(),
            expression: expression.trim().trim_start_matches('>').trim().to_owned(),
            runbook: runbook.lines().next().expect("an anchor").to_owned(),
        });
    }
    alerts
}

pub(crate) fn panels() -> Vec<Panel> {
    let text = fs::read_to_string(file("docker/grafana/rws-kafka.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let targets = panel["targets"].as_array();
        assert!(panel["type"] == "row" || targets.is_some_and(|it| !it.is_empty()));
        for target in targets.into_iter().flatten() {
            found.push(Panel {
                title: text(&panel["title"]),
                expression: text(&target["expr"]),
                legend: text(&target["legendFormat"]),
            });
        }
    }
    found
}

/// Returns the names of the metrics in a query.
pub(crate) fn metrics_in(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let ours = words.filter(|word| word.starts_with("rws_"));
    ours.map(str::to_owned).collect()
}

/// Returns the labels in a query's matchers of `metric`, in its groupings, and in a legend.
pub(crate) fn labels_in(query: &str, metric: &str, legend: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    let mut names = |list: &str| {
        for item in list.split(',') {
            let name = item
                .split(['=', '!', '~'])
                .next()
                .unwrap_or_default()
                .trim();
            if !name.is_empty() {
                labels.insert(name.to_owned());
            }
        }
    };
    for open in ["by (", "on ("] {
        for rest in query.split(open).skip(1) {
            names(rest.split_once(')').expect("it is closed").0);
        }
    }
    for (at, _) in query.match_indices('{') {
        let (before, rest) = query.split_at(at);
        if metrics_in(before.rsplit(' ').next().unwrap_or_default()).contains(metric) {
            names(rest[1..].split_once('}').expect("it is closed").0);
        }
    }
    for rest in legend.split("{{").skip(1) {
        names(rest.split_once("}}").expect("it is closed").0);
    }
    labels
}

/// Returns the labels of each metric on a page in Prometheus' text format; those of a histogram's
/// buckets, too.
pub(crate) fn labels_on(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics = BTreeMap::<String, BTreeSet<String>>::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let labels = metrics.entry(name.to_owned()).or_default();
        let mut rest = &line[name.len()..];
        while let Some((before, after)) = rest.split_once("=\"") {
            labels.insert(before.trim_start_matches(['{', ',']).to_owned());
            // No value here holds a quote.
            rest = after.split_once('"').expect("it is closed").1;
        }
    }
    metrics
}

#[test]
fn names_and_labels_are_found_wherever_they_stand() {
    let query = r#"max by (le, group) (rate(rws_a_total{job=~"$job", kind!="x"}[5m])) > 0
        and on (instance) rws_b"#;
    let text = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(text(metrics_in(query)), "rws_a_total rws_b");
    let labels = |metric| text(labels_in(query, metric, "p99 {{topic}} {{client}}"));
    assert_eq!(
        labels("rws_a_total"),
        "client group instance job kind le topic"
    );
    assert_eq!(labels("rws_b"), "client group instance le topic");

    let page = labels_on("# HELP rws_a x\nrws_a{topic=\"t,=1\",le=\"2\"} 7\nrws_b 1\n");
    assert_eq!(text(page["rws_a"].clone()), "le topic");
    assert_eq!(text(page["rws_b"].clone()), "");
}

#[test]
fn dashboard_and_alerts_ask_for_declared_families_and_their_labels() {
    let panels = panels().into_iter().map(|it| (it.expression, it.legend));
    let alerts = alerts().into_iter();
    let alerts = alerts.map(|it| (it.expression, String::new()));
    for (query, legend) in panels.chain(alerts) {
        let names = metrics_in(&query).into_iter();
        for name in names.filter(|name| name.starts_with("rws_kafka_")) {
            let of_histogram = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|end| name.strip_suffix(end));
            let family = families()
                .find(|family| [Some(name.as_str()), of_histogram].contains(&Some(family.name())))
                .unwrap_or_else(|| panic!("no family {name} is declared: {query}"));
            for label in labels_in(&query, &name, &legend) {
                let is_known = family.labels().contains(&label.as_str());
                assert!(
                    is_known || ALWAYS.contains(&label.as_str()),
                    "{name} has no {label}: {query}"
                );
            }
        }
    }
}
