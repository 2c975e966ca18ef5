//! Histograms of durations, for code that runs a million times a second.

use crate::family::{Family, histogram};
use prometheus::proto::MetricFamily;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets, in milliseconds.
pub(crate) const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// One series. In place of the `prometheus` crate's, which takes four atomic operations and a loop
/// for an observation, and takes them one at a time.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// The last one is of what is above all bounds.
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    nanos: AtomicU64,
}

impl Durations {
    /// `count` durations of `total` together, all of them in the bucket of the `longest`.
    pub(crate) fn observe(&self, count: u64, total: Duration, longest: Duration) {
        let is_above = |bound: &&u64| longest > Duration::from_millis(**bound);
        let bucket = BOUNDS_MS.iter().take_while(is_above).count();
        self.counts[bucket].fetch_add(count, Ordering::Relaxed);
        let nanos = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// A family of them.
#[derive(Debug)]
pub(crate) struct DurationFamily {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    series: Mutex<BTreeMap<Vec<String>, Arc<Durations>>>,
}

impl DurationFamily {
    pub(crate) fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            help,
            labels,
            series: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, values: &[&str]) -> Arc<Durations> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(series.entry(values).or_default())
    }

    pub(crate) fn gather(&self) -> Option<MetricFamily> {
        let bounds = BOUNDS_MS.map(|ms| ms as f64);
        let mut family = Family::new(self.name, self.help, self.labels);
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for (values, durations) in &*series {
            let counts = durations.counts.each_ref();
            let counts = counts.map(|count| count.load(Ordering::Relaxed));
            let sum_ms = durations.nanos.load(Ordering::Relaxed) as f64 / 1e6;
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            family.histogram(&values, histogram(&bounds, &counts, sum_ms));
        }
        family.into_family()
    }
}
