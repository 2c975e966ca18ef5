use crate::durations::Durations;
use prometheus::IntCounter;
use std::sync::Arc;
use std::time::Duration;

/// Counts what is published to one topic.
#[derive(Clone, Debug)]
pub struct ProducedTo {
    /// Nothing where no metrics are wanted.
    pub(crate) series: Option<ProducedSeries>,
}

#[derive(Clone, Debug)]
pub(crate) struct ProducedSeries {
    pub(crate) produced: IntCounter,
    pub(crate) errors: IntCounter,
    pub(crate) latency: Arc<Durations>,
}

impl ProducedTo {
    /// A message was acknowledged, this long after it was handed over.
    pub fn delivered(&self, latency: Duration) {
        if let Some(series) = &self.series {
            series.produced.inc();
            series.latency.observe(1, latency, latency);
        }
    }

    /// A message failed for good.
    pub fn failed(&self) {
        if let Some(series) = &self.series {
            series.errors.inc();
        }
    }
}
