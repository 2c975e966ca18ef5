//! What a user chooses for a relay.

use rws_kafka_observe::Observer;
use std::time::Duration;

/// Which events keep their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelayOrdering {
    /// Those of one topic and key: one of them is on its way to the broker at a time. Relays share
    /// the table's 16 shards.
    #[default]
    PerKey,
    /// None. Relays share all rows (`FOR UPDATE SKIP LOCKED`); a transaction id is held while the
    /// broker is waited for, which keeps vacuum back during an outage, and a long transaction beside
    /// it slows it down.
    Unordered,
}

/// What becomes of an event that Kafka refuses. A broker that does not answer refuses nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// It is tried again for as long as it takes, after 1 s and then up to 60 s; the events of its
    /// key wait, all others go on.
    #[default]
    BlockKey,
    /// After [`max_attempts`](crate::OutboxRelay::max_attempts), at once when it is too large, it is moved
    /// to the table `parked`, and the events of its key go on without it.
    Park,
}

/// A relay's options, each within its bounds.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) ordering: RelayOrdering,
    pub(super) on_refusal: OnRefusal,
    pub(super) max_attempts: u32,
    pub(super) batch_size: usize,
    pub(super) workers: usize,
    pub(super) stop_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) poll_interval: Duration,
    pub(super) observer: Observer,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ordering: RelayOrdering::default(),
            on_refusal: OnRefusal::default(),
            max_attempts: 10,
            batch_size: 1000,
            workers: 4,
            stop_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            poll_interval: Duration::from_millis(500),
            observer: Observer::global(),
        }
    }
}
