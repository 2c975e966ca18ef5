//! Reads values back from the metric families, for the parts of the status that only they have.

use crate::kinds::Kind;
use crate::status::{DeadLetterStatus, OutboxStatus};
use crate::{consumed, outbox};
use prometheus::proto::{Metric, MetricType};
use std::collections::BTreeMap;

pub(crate) fn dead_letters(families: &consumed::Families) -> Vec<DeadLetterStatus> {
    let mut told = Vec::new();
    each_series(&families.dead_letters, |metric, count| {
        if count > 0 {
            told.push(DeadLetterStatus {
                topic: label(metric, "topic"),
                group: label(metric, "group"),
                count,
            });
        }
    });
    told
}

pub(crate) fn outboxes(families: &outbox::Families) -> Vec<OutboxStatus> {
    let mut outboxes = BTreeMap::new();
    read(&mut outboxes, &families.backlog, |outbox, value| {
        outbox.backlog = Some(value);
    });
    read(&mut outboxes, &families.oldest_age, |outbox, value| {
        outbox.oldest_age_seconds = Some(value);
    });
    read(&mut outboxes, &families.published, |outbox, value| {
        outbox.published = value;
    });
    read(&mut outboxes, &families.refused, |outbox, value| {
        outbox.refused = value;
    });
    read(&mut outboxes, &families.parked, |outbox, value| {
        outbox.parked = value;
    });
    outboxes.into_values().collect()
}

/// Writes each value of the family to the outbox of the value's schema.
fn read(
    outboxes: &mut BTreeMap<String, OutboxStatus>,
    family: &impl Kind,
    write: fn(&mut OutboxStatus, u64),
) {
    each_series(family, |metric, value| {
        let schema = label(metric, "schema");
        let outbox = outboxes.entry(schema.clone());
        let outbox = outbox.or_insert_with(|| OutboxStatus {
            schema,
            ..OutboxStatus::default()
        });
        write(outbox, value);
    });
}

/// Reads the series of a family of counters or gauges, in the order of the page.
fn each_series(family: &impl Kind, mut read: impl FnMut(&Metric, u64)) {
    let Some(family) = family.gather() else {
        return;
    };
    let is_counter = family.get_field_type() == MetricType::COUNTER;
    for metric in family.get_metric() {
        let value = if is_counter {
            metric.get_counter().get_value()
        } else {
            metric.get_gauge().get_value()
        };
        // Never negative; above 2^53 the page is equally inexact.
        read(metric, value as u64);
    }
}

fn label(metric: &Metric, name: &str) -> String {
    let labels = metric.get_label();
    let found = labels.iter().find(|label| label.name() == name);
    found.map_or_else(String::new, |label| label.value().to_owned())
}
