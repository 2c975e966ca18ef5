//! A partition of a worker, with its metrics.

use parking_lot::Mutex;
use rws_kafka_dispatch::{self as dispatch, Phase, TopicPartition};
use rws_kafka_observe::{ConsumedFrom, LagOf, Observer};

pub(crate) type Partition = dispatch::Partition<Recorders>;
pub(crate) type Batch = dispatch::Batch<Recorders>;
pub(crate) type BatchBuilder = dispatch::BatchBuilder<Recorders>;
pub(crate) type Task = dispatch::Task<Recorders>;

/// The metrics of a partition.
#[derive(Debug)]
pub(crate) struct Recorders {
    pub(crate) consumed: ConsumedFrom,
    lag: Mutex<LagOf>,
}

impl Recorders {
    pub(crate) fn new(name: &TopicPartition, group: &str, observer: &Observer) -> Self {
        let metrics = observer.metrics();
        Self {
            consumed: metrics.consumed_from(name.topic(), group),
            lag: Mutex::new(metrics.lag_of(name.topic(), name.partition(), group)),
        }
    }

    /// The lag that was reported last.
    pub(crate) fn shown_lag(&self) -> Option<u64> {
        self.lag.lock().value()
    }
}

impl dispatch::Recorders for Recorders {
    fn released(&self) {
        self.lag.lock().forget();
    }
}

/// Reports how far the group is behind the end of the partition; `None` if that is unknown.
pub(crate) fn show_lag(partition: &Partition, lag: Option<u64>) {
    let mut shown = partition.recorders.lag.lock();
    match lag {
        // Under the lock, so that a release, which forgets the value, comes after it.
        Some(lag) if partition.phase() != Phase::Released => shown.set(lag),
        _ => shown.forget(),
    }
}

/// A partition of a worker of `group`.
#[cfg(test)]
pub(crate) fn partition(id: u64, number: i32) -> Partition {
    let name = TopicPartition::new("topic", number);
    let recorders = Recorders::new(&name, "group", &Observer::new());
    Partition::new(id, name, recorders)
}
