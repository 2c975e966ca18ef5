//! The lag, with one series for each assigned partition.

use crate::family::Family;
use crate::gathered::Gathered;
use crate::topics::OTHER;
use parking_lot::Mutex;
use prometheus::proto::MetricFamily;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

static FAMILY: Family = Family::gauge(
    "rws_kafka_consumer_lag",
    "Current consumer lag (messages behind the latest offset)",
    &["topic", "partition", "group"],
);

/// The families that this module declares.
pub(crate) static DECLARED: &[&Family] = &[&FAMILY];

/// Stands for an unknown lag.
const UNKNOWN: i64 = -1;

/// The lags of the partitions that are assigned in this process.
#[derive(Debug, Default)]
pub(crate) struct Lags {
    cells: Mutex<Cells>,
}

#[derive(Debug, Default)]
struct Cells {
    last: u64,
    by_id: HashMap<u64, Arc<Cell>>,
}

#[derive(Debug)]
struct Cell {
    topic: String,
    partition: i32,
    group: String,
    /// The topic is beyond the limit and shares the label `other`.
    is_other: bool,
    value: AtomicI64,
}

impl Lags {
    pub(crate) fn of(
        self: &Arc<Self>,
        topic: &str,
        label: &str,
        partition: i32,
        group: &str,
    ) -> LagOf {
        let cell = Arc::new(Cell {
            topic: topic.to_owned(),
            partition,
            group: group.to_owned(),
            is_other: topic != label,
            value: AtomicI64::new(UNKNOWN),
        });
        let mut cells = self.cells.lock();
        cells.last += 1;
        let id = cells.last;
        cells.by_id.insert(id, Arc::clone(&cell));
        drop(cells);
        LagOf {
            lags: Arc::clone(self),
            id,
            cell,
        }
    }

    pub(crate) fn gather(&self) -> Option<MetricFamily> {
        let mut family = Gathered::new(&FAMILY);
        let cells = self.cells.lock();
        let mut series = BTreeMap::new();
        let mut others = BTreeMap::new();
        for cell in cells.by_id.values() {
            let lag = cell.value.load(Ordering::Relaxed);
            if lag == UNKNOWN {
                continue;
            }
            if cell.is_other {
                *others.entry(cell.group.as_str()).or_default() += lag;
            } else {
                // A partition that moves between two consumers briefly has two cells; show the larger lag.
                let key = (cell.group.as_str(), cell.topic.as_str(), cell.partition);
                let shown = series.entry(key).or_insert(lag);
                *shown = lag.max(*shown);
            }
        }
        for ((group, topic, partition), lag) in series {
            family.gauge(&[topic, &partition.to_string(), group], lag as f64);
        }
        for (group, lag) in others {
            let lag: i64 = lag;
            family.gauge(&[OTHER, OTHER, group], lag as f64);
        }
        family.into_family()
    }
}

/// Sets the lag of one group on one partition. An unknown lag is not on the metrics page.
///
/// Dropping it removes the series.
///
/// ```
/// use rws_kafka_observe::Observer;
///
/// let observer = Observer::new();
/// let mut lag = observer.metrics().lag_of("orders.created", 0, "billing");
/// assert_eq!(lag.value(), None);
///
/// lag.set(7);
/// assert_eq!(lag.value(), Some(7));
/// ```
#[derive(Debug)]
pub struct LagOf {
    lags: Arc<Lags>,
    id: u64,
    cell: Arc<Cell>,
}

impl LagOf {
    /// Sets the lag, in messages behind the latest offset.
    pub fn set(&mut self, lag: u64) {
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        self.cell.value.store(lag, Ordering::Relaxed);
    }

    /// Returns the lag that was set last, or `None` while it is unknown.
    pub fn value(&self) -> Option<u64> {
        u64::try_from(self.cell.value.load(Ordering::Relaxed)).ok()
    }

    /// Makes the lag unknown and removes the series from the page.
    pub fn forget(&mut self) {
        self.cell.value.store(UNKNOWN, Ordering::Relaxed);
    }
}

impl Drop for LagOf {
    fn drop(&mut self) {
        self.lags.cells.lock().by_id.remove(&self.id);
    }
}
