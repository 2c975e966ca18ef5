//! Prometheus' own parser, of its client for Python.

use std::collections::BTreeMap;

use serde_json::Value;

use super::run_client;

const PROGRAM: &[&str] = &["python3", "/opt/clients/python/metrics_page.py"];

/// A sample of a metrics page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its family, without what its type adds: `_total`, `_bucket`, …
    pub family: String,
    /// `counter`, `gauge`, `histogram`, …
    pub kind: String,
    /// Its name on the page.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// Returns the samples of a page in Prometheus' text format.
///
/// # Errors
///
/// Returns the parser's error message. A family or a series that occurs twice, and a histogram
/// whose buckets do not add up, are also errors.
///
/// # Panics
///
/// Panics if it cannot be run, or has not ended after 30 s.
#[track_caller]
pub fn parse_metrics(page: &str) -> Result<Vec<Sample>, String> {
    let output = run_client(PROGRAM, "parse", &page.into())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let samples = output.lines().map(|line| {
        let line: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{error}: the parser wrote {line:?}"));
        let labels = line["labels"].as_object().into_iter().flatten();
        Sample {
            family: text(&line["family"]),
            kind: text(&line["type"]),
            name: text(&line["name"]),
            labels: labels
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            value: line["value"].as_f64().expect("a number"),
        }
    });
    Ok(samples.collect())
}
