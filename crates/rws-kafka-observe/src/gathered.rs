//! Builds the metric families that are made at each scrape.

use crate::family::{Family, FamilyKind};
use prometheus::core::Collector;
use prometheus::proto::{Bucket, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Collects the series of one family, which are all gauges or all histograms.
pub(crate) struct Gathered {
    family: MetricFamily,
    labels: &'static [&'static str],
}

impl Gathered {
    pub(crate) fn new(declared: &Family) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(declared.name.to_owned());
        family.set_help(declared.help.to_owned());
        family.set_field_type(match declared.kind {
            FamilyKind::Counter => MetricType::COUNTER,
            FamilyKind::Gauge => MetricType::GAUGE,
            FamilyKind::Histogram => MetricType::HISTOGRAM,
        });
        Self {
            family,
            labels: declared.labels,
        }
    }

    /// Adds a gauge; `values` are in the order of the labels.
    pub(crate) fn gauge(&mut self, values: &[&str], value: f64) {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        self.push(values).set_gauge(gauge);
    }

    /// Adds a histogram; `values` are in the order of the labels.
    pub(crate) fn histogram(&mut self, values: &[&str], histogram: Histogram) {
        self.push(values).set_histogram(histogram);
    }

    fn push(&mut self, values: &[&str]) -> &mut Metric {
        let pairs = self.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut pairs: Vec<_> = pairs.collect();
        // The `prometheus` crate sorts labels like this too.
        pairs.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        let metrics = self.family.mut_metric();
        metrics.push(Metric::from_label(pairs));
        metrics.last_mut().expect("it was pushed just now")
    }

    /// Returns the family, or `None` if it has no series: the text format has no empty families.
    pub(crate) fn into_family(self) -> Option<MetricFamily> {
        some_series(self.family)
    }
}

/// Returns a family of the `prometheus` crate, with its series sorted by their labels' values.
pub(crate) fn collected(collector: &impl Collector) -> Option<MetricFamily> {
    let mut family = collector.collect().pop()?;
    family.mut_metric().sort_by(|one, other| {
        let values = |metric: &Metric| {
            let labels = metric.get_label().iter();
            labels
                .map(|label| label.value().to_owned())
                .collect::<Vec<_>>()
        };
        values(one).cmp(&values(other))
    });
    some_series(family)
}

fn some_series(family: MetricFamily) -> Option<MetricFamily> {
    let is_empty = family.get_metric().is_empty();
    (!is_empty).then_some(family)
}

/// Builds a histogram. `counts` has one count for each of `bounds`, and one for values above them all.
pub(crate) fn histogram(bounds: &[f64], counts: &[u64], sum: f64) -> Histogram {
    let mut total = 0;
    let mut buckets = Vec::with_capacity(bounds.len());
    for (bound, count) in bounds.iter().zip(counts) {
        total += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(total);
        buckets.push(bucket);
    }
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(counts.iter().sum());
    histogram.set_sample_sum(sum);
    histogram
}
