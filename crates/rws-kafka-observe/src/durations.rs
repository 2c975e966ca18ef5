//! Histograms of durations for code that runs a million times a second.

use crate::family::{Family, FamilyKind};
use crate::gathered::{Gathered, collected, histogram};
use crate::kinds::{Kind, histograms};
use parking_lot::Mutex;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramVec};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in milliseconds.
const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// One series. The `prometheus` crate's histogram takes four atomic operations and a loop for each
/// observation; this one takes two for any number of equal ones.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// The last one counts durations above all bounds.
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    nanos: AtomicU64,
}

impl Durations {
    /// Adds `count` durations with the sum `total`, all in the bucket of `longest`.
    pub(crate) fn observe(&self, count: u64, total: Duration, longest: Duration) {
        let is_above = |bound: &&u64| longest > Duration::from_millis(**bound);
        let bucket = BOUNDS_MS.iter().take_while(is_above).count();
        self.counts[bucket].fetch_add(count, Ordering::Relaxed);
        let nanos = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// A family of [`Durations`].
#[derive(Debug)]
pub(crate) struct DurationFamily {
    family: &'static Family,
    series: Mutex<BTreeMap<Vec<String>, Arc<Durations>>>,
}

impl Kind for DurationFamily {
    type Series = Arc<Durations>;

    const KIND: FamilyKind = FamilyKind::Histogram;

    fn new(family: &'static Family) -> Self {
        Self {
            family,
            series: Mutex::default(),
        }
    }

    fn of(&self, labels: &[&str]) -> Arc<Durations> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Arc::clone(self.series.lock().entry(labels).or_default())
    }

    fn gather(&self) -> Option<MetricFamily> {
        let bounds = BOUNDS_MS.map(|ms| ms as f64);
        let mut family = Gathered::new(self.family);
        for (labels, durations) in &*self.series.lock() {
            let counts = durations.counts.each_ref();
            let counts = counts.map(|count| count.load(Ordering::Relaxed));
            let sum_ms = durations.nanos.load(Ordering::Relaxed) as f64 / 1e6;
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            family.histogram(&labels, histogram(&bounds, &counts, sum_ms));
        }
        family.into_family()
    }
}

/// Histograms of milliseconds that may be days, whose sum in nanoseconds would overflow.
#[derive(Debug)]
pub(crate) struct Latencies(HistogramVec);

impl Kind for Latencies {
    type Series = Histogram;

    const KIND: FamilyKind = FamilyKind::Histogram;

    fn new(family: &'static Family) -> Self {
        Self(histograms(family, &BOUNDS_MS.map(|ms| ms as f64)))
    }

    fn of(&self, labels: &[&str]) -> Histogram {
        self.0.with_label_values(labels)
    }

    fn gather(&self) -> Option<MetricFamily> {
        collected(&self.0)
    }
}
