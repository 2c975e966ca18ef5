//! The options of a relay.

use rws_kafka_observe::Observer;
use std::time::Duration;

/// The events whose order a relay keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelayOrdering {
    /// Events of the same topic and key: at most one of them is in flight. Relays share the table's 16
    /// shards.
    #[default]
    PerKey,
    /// None. Relays share all rows (`FOR UPDATE SKIP LOCKED`). A transaction stays open while the relay waits
    /// for the broker, which holds back vacuum during an outage. A long transaction elsewhere slows the relay
    /// down.
    Unordered,
}

/// The handling of an event that Kafka refuses. A broker that does not answer has not refused anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// The relay tries it again indefinitely, at first after 1 s and later after up to 60 s. The events of
    /// its key wait; all others continue.
    #[default]
    BlockKey,
    /// The relay moves it to the table `parked` after [`max_attempts`](crate::OutboxRelay::max_attempts), or
    /// at once if it is too large. The events of its key continue without it.
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
