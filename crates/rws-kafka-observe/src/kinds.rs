//! The kinds of families that code records to: what each keeps, and what records to one series.

use crate::family::{Family, FamilyKind};
use crate::gathered::collected;
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
};
use std::fmt;

/// A kind of family.
pub(crate) trait Kind: Sized {
    /// Records to one series.
    type Series: Clone + fmt::Debug;

    /// The Prometheus type.
    const KIND: FamilyKind;

    fn new(family: &'static Family) -> Self;

    /// The series with these values of the labels that its recorder is made by.
    fn of(&self, labels: &[&str]) -> Self::Series;

    /// What the page shows; `None` without a series.
    fn gather(&self) -> Option<MetricFamily>;
}

/// Counters. A series is on the page from when its recorder is made.
#[derive(Debug)]
pub(crate) struct Counters(IntCounterVec);

impl Kind for Counters {
    type Series = IntCounter;

    const KIND: FamilyKind = FamilyKind::Counter;

    fn new(family: &'static Family) -> Self {
        Self(valid(IntCounterVec::new(options(family), family.labels)))
    }

    fn of(&self, labels: &[&str]) -> IntCounter {
        self.0.with_label_values(labels)
    }

    fn gather(&self) -> Option<MetricFamily> {
        collected(&self.0)
    }
}

/// Counters of which a recorder has one for each declared value of the last label.
#[derive(Debug)]
pub(crate) struct CountersByValue {
    counters: Counters,
    values: &'static [&'static str],
}

/// The counters of one recorder.
#[derive(Clone, Debug)]
pub(crate) struct ByValue(Vec<(&'static str, IntCounter)>);

impl ByValue {
    /// Counts one for `value`, which is one of the declared ones.
    pub(crate) fn inc(&self, value: &str) {
        let counter = self.0.iter().find(|(declared, _)| *declared == value);
        let (_, counter) = counter.expect("a value that the family declares");
        counter.inc();
    }
}

impl Kind for CountersByValue {
    type Series = ByValue;

    const KIND: FamilyKind = FamilyKind::Counter;

    fn new(family: &'static Family) -> Self {
        Self {
            counters: Counters::new(family),
            values: family.values,
        }
    }

    fn of(&self, labels: &[&str]) -> ByValue {
        let counters = self.values.iter().map(|value| {
            let labels = [labels, &[*value]].concat();
            (*value, self.counters.of(&labels))
        });
        ByValue(counters.collect())
    }

    fn gather(&self) -> Option<MetricFamily> {
        self.counters.gather()
    }
}

/// Gauges. A series is on the page from when it is set until it is removed.
#[derive(Debug)]
pub(crate) struct Gauges(IntGaugeVec);

/// One gauge, or where its family has a label more than its recorder, one for each value of that.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    gauges: IntGaugeVec,
    labels: Vec<String>,
}

impl Gauge {
    pub(crate) fn set(&self, value: u64) {
        self.gauges.with_label_values(&self.labels).set(cap(value));
    }

    pub(crate) fn set_of(&self, last_label: &str, value: u64) {
        let mut labels: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        labels.push(last_label);
        self.gauges.with_label_values(&labels).set(cap(value));
    }

    pub(crate) fn remove(&self) {
        // Fails only for a series that is not there.
        let _ = self.gauges.remove_label_values(&self.labels);
    }
}

impl Kind for Gauges {
    type Series = Gauge;

    const KIND: FamilyKind = FamilyKind::Gauge;

    fn new(family: &'static Family) -> Self {
        Self(valid(IntGaugeVec::new(options(family), family.labels)))
    }

    fn of(&self, labels: &[&str]) -> Gauge {
        Gauge {
            gauges: self.0.clone(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        }
    }

    fn gather(&self) -> Option<MetricFamily> {
        collected(&self.0)
    }
}

/// Histograms of numbers of events.
#[derive(Debug)]
pub(crate) struct Sizes(HistogramVec);

impl Sizes {
    /// Upper bounds of the buckets.
    const BOUNDS: [f64; 11] = [
        1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 10_000.0,
    ];
}

impl Kind for Sizes {
    type Series = Histogram;

    const KIND: FamilyKind = FamilyKind::Histogram;

    fn new(family: &'static Family) -> Self {
        Self(histograms(family, &Self::BOUNDS))
    }

    fn of(&self, labels: &[&str]) -> Histogram {
        self.0.with_label_values(labels)
    }

    fn gather(&self) -> Option<MetricFamily> {
        collected(&self.0)
    }
}

pub(crate) fn histograms(family: &Family, bounds: &[f64]) -> HistogramVec {
    let options = HistogramOpts::from(options(family)).buckets(bounds.to_vec());
    valid(HistogramVec::new(options, family.labels))
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

/// Names and labels are declared in this crate, so a refusal is a mistake in it.
fn valid<T>(family: prometheus::Result<T>) -> T {
    family.expect("a valid declaration")
}

fn cap(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
