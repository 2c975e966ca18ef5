//! The kinds of metric families, and how code records to a series of each.

use crate::family::{Family, FamilyKind};
use crate::gathered::collected;
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
};
use std::fmt;

/// A kind of family.
pub(crate) trait Kind: Sized {
    /// A handle that records to one series.
    type Series: Clone + fmt::Debug;

    /// The Prometheus type.
    const KIND: FamilyKind;

    fn new(family: &'static Family) -> Self;

    /// Returns the series with these label values, which are in the recorder's order.
    fn of(&self, labels: &[&str]) -> Self::Series;

    /// Returns the family for the metrics page; `None` if it has no series.
    fn gather(&self) -> Option<MetricFamily>;
}

/// A family of counters. A series is on the page as soon as its recorder exists.
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

/// A family of counters. Each recorder has one counter for each declared value of the last label.
#[derive(Debug)]
pub(crate) struct CountersByValue {
    counters: Counters,
    values: &'static [&'static str],
}

/// The counters of one recorder, by the value of the last label.
#[derive(Clone, Debug)]
pub(crate) struct ByValue(Vec<(&'static str, IntCounter)>);

impl ByValue {
    /// Increments the counter of `value`, which must be one of the declared values.
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

/// A family of gauges. A series is on the page from when it is set until it is removed.
#[derive(Debug)]
pub(crate) struct Gauges(IntGaugeVec);

/// One gauge. If the family has one more label than the recorder, one gauge for each value of it.
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
        // It fails only if the series does not exist.
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

/// A family of histograms of numbers of events.
#[derive(Debug)]
pub(crate) struct Sizes(HistogramVec);

impl Sizes {
    /// The upper bounds of the buckets.
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

/// Unwraps a family. Names and labels are declared in this crate, so an error is a bug in it.
fn valid<T>(family: prometheus::Result<T>) -> T {
    family.expect("a valid declaration")
}

fn cap(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
