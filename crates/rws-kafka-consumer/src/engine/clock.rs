use super::deadline_in;
use std::time::{Duration, Instant, SystemTime};

/// What time it is for the messages of a worker: for retries, delays, and what is written of them.
///
/// Deadlines of waits for a broker or a thread are not its business.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
        }
    }

    /// `time` from now, within the range of the clock.
    pub(crate) fn after(&self, time: Duration) -> Instant {
        match self {
            Self::System => deadline_in(time),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_ms(&self) -> i64 {
        let now = match self {
            Self::System => SystemTime::now(),
        };
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |time| time.as_millis() as i64)
    }
}
