//! Reads the families back, for what only they know.

use crate::status::{DeadLetterStatus, OutboxStatus};
use prometheus::proto::{Metric, MetricFamily, MetricType};
use std::collections::BTreeMap;

pub(crate) fn dead_letters(families: &[MetricFamily]) -> Vec<DeadLetterStatus> {
    let series = series(families, "rws_kafka_dead_letters_total");
    let told = series.map(|(metric, count)| DeadLetterStatus {
        topic: label(metric, "topic"),
        group: label(metric, "group"),
        count,
    });
    told.filter(|letters| letters.count > 0).collect()
}

pub(crate) fn outboxes(families: &[MetricFamily]) -> Vec<OutboxStatus> {
    let mut outboxes = BTreeMap::new();
    let mut read = |name, write: fn(&mut OutboxStatus, u64)| {
        for (metric, value) in series(families, name) {
            let schema = label(metric, "schema");
            let outbox = outboxes
                .entry(schema.clone())
                .or_insert_with(|| OutboxStatus {
                    schema,
                    ..OutboxStatus::default()
                });
            write(outbox, value);
        }
    };
    read("rws_kafka_outbox_backlog", |outbox, value| {
        outbox.backlog = Some(value);
    });
    read("rws_kafka_outbox_oldest_age_seconds", |outbox, value| {
        outbox.oldest_age_seconds = Some(value);
    });
    read("rws_kafka_outbox_published_total", |outbox, value| {
        outbox.published = value;
    });
    read("rws_kafka_outbox_refused_total", |outbox, value| {
        outbox.refused = value;
    });
    read("rws_kafka_outbox_parked_total", |outbox, value| {
        outbox.parked = value;
    });
    outboxes.into_values().collect()
}

/// The series of a family of counters or gauges, in the order of the page.
fn series<'a>(
    families: &'a [MetricFamily],
    name: &str,
) -> impl Iterator<Item = (&'a Metric, u64)> + use<'a> {
    let family = families.iter().find(|family| family.name() == name);
    family.into_iter().flat_map(|family| {
        let is_counter = family.get_field_type() == MetricType::COUNTER;
        family.get_metric().iter().map(move |metric| {
            let value = if is_counter {
                metric.get_counter().get_value()
            } else {
                metric.get_gauge().get_value()
            };
            // Never negative; beyond 2^53 the page is as inexact.
            (metric, value as u64)
        })
    })
}

fn label(metric: &Metric, name: &str) -> String {
    let labels = metric.get_label();
    let found = labels.iter().find(|label| label.name() == name);
    found.map_or_else(String::new, |label| label.value().to_owned())
}
