//! Families that are made when someone looks.

use prometheus::proto::{Bucket, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Gathers the series of one family, all of them gauges or all of them histograms.
pub(crate) struct Family {
    family: MetricFamily,
    labels: &'static [&'static str],
}

impl Family {
    /// `labels` in the order of the alphabet, which is the page's.
    pub(crate) fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        Self { family, labels }
    }

    /// One more series; `values` in the order of the labels.
    pub(crate) fn gauge(&mut self, values: &[&str], value: f64) {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        self.family.set_field_type(MetricType::GAUGE);
        self.push(values).set_gauge(gauge);
    }

    /// One more series; `values` in the order of the labels.
    pub(crate) fn histogram(&mut self, values: &[&str], histogram: Histogram) {
        self.family.set_field_type(MetricType::HISTOGRAM);
        self.push(values).set_histogram(histogram);
    }

    fn push(&mut self, values: &[&str]) -> &mut Metric {
        let pairs = self.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let metrics = self.family.mut_metric();
        metrics.push(Metric::from_label(pairs.collect()));
        metrics.last_mut().expect("it was pushed just now")
    }

    /// The family, where it has a series: the text format has no empty ones.
    pub(crate) fn into_family(self) -> Option<MetricFamily> {
        let is_empty = self.family.get_metric().is_empty();
        (!is_empty).then_some(self.family)
    }
}

/// A histogram of `counts`, one for each of `bounds` and one for what is above them all.
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
