use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Limits the rate of dead letters. No burst follows a pause.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    due: Option<Instant>,
}

impl Pace {
    /// Creates a pace of `rate` dead letters per second.
    pub(super) fn new(rate: NonZeroU32) -> Self {
        // Rounded up, so that the rate is never exceeded.
        let nanos = 1_000_000_000_u64.div_ceil(rate.get().into());
        Self {
            interval: Duration::from_nanos(nanos),
            due: None,
        }
    }

    /// The time at which the next dead letter may be sent.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Records that a dead letter was sent or acknowledged at `now`.
    pub(super) fn went(&mut self, now: Instant) {
        self.due = Some(now + self.interval);
    }
}
