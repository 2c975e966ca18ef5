use crate::durations::Durations;
use prometheus::IntCounter;
use std::sync::Arc;
use std::time::Duration;

/// Counts what one group consumes from one topic.
#[derive(Clone, Debug)]
pub struct ConsumedFrom {
    /// Nothing where no metrics are wanted.
    pub(crate) series: Option<ConsumedSeries>,
}

#[derive(Clone, Debug)]
pub(crate) struct ConsumedSeries {
    pub(crate) consumed: IntCounter,
    pub(crate) errors: IntCounter,
    pub(crate) retries: IntCounter,
    pub(crate) delayed_retries: IntCounter,
    pub(crate) dead_letters: IntCounter,
    pub(crate) skipped: IntCounter,
    pub(crate) durations: Arc<Durations>,
}

impl PartialEq for ConsumedFrom {
    /// Whether both count the same.
    fn eq(&self, other: &Self) -> bool {
        let durations = |recorder: &Self| {
            let series = recorder.series.as_ref();
            series.map(|series| Arc::as_ptr(&series.durations))
        };
        durations(self) == durations(other)
    }
}

impl ConsumedFrom {
    /// Whether anything is recorded: what is not need not be measured.
    pub fn is_on(&self) -> bool {
        self.series.is_some()
    }

    /// `count` messages were processed.
    pub fn processed(&self, count: u64) {
        if let Some(series) = &self.series {
            series.consumed.inc_by(count);
        }
    }

    /// `count` handlers, one after another, took `total` together and none of them more than
    /// `longest`. Each belongs to the bucket of `longest`.
    pub fn handled(&self, count: u64, total: Duration, longest: Duration) {
        if let Some(series) = &self.series {
            series.durations.observe(count, total, longest);
        }
    }

    /// A message failed processing once.
    pub fn failed(&self) {
        if let Some(series) = &self.series {
            series.errors.inc();
        }
    }

    /// A failed message is to be processed again.
    pub fn retried(&self) {
        if let Some(series) = &self.series {
            series.retries.inc();
        }
    }

    /// The broker has acknowledged a failed message in a retry topic.
    pub fn put_off(&self) {
        if let Some(series) = &self.series {
            series.delayed_retries.inc();
        }
    }

    /// The broker has acknowledged the dead letter of a message.
    pub fn dead_lettered(&self) {
        if let Some(series) = &self.series {
            series.dead_letters.inc();
        }
    }

    /// A failed message is passed over.
    pub fn skipped(&self) {
        if let Some(series) = &self.series {
            series.skipped.inc();
        }
    }
}
