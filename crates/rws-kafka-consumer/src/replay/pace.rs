use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Keeps letters apart. What was missed is not made up for: no burst follows a pause.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    due: Option<Instant>,
}

impl Pace {
    /// Of `rate` letters a second.
    pub(super) fn new(rate: NonZeroU32) -> Self {
        // Rounded up, so that it is never faster.
        let nanos = 1_000_000_000_u64.div_ceil(rate.get().into());
        Self {
            interval: Duration::from_nanos(nanos),
            due: None,
        }
    }

    /// When the next letter may go.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A letter went, or was acknowledged, at `now`.
    pub(super) fn went(&mut self, now: Instant) {
        self.due = Some(now + self.interval);
    }
}
