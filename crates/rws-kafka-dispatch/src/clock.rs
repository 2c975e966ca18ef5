use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// As long as it takes, for waits that need an end.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What tells the time. A test has one that it moves itself.
pub trait Time: fmt::Debug + Send + Sync {
    /// The time for pauses and deadlines.
    fn now(&self) -> Instant;

    /// Milliseconds since 1970.
    fn unix_ms(&self) -> i64;
}

/// What time it is for the messages of a worker: for retries, delays, and what is written of them.
///
/// Deadlines of waits for a broker or a thread are not its business.
#[derive(Clone, Debug)]
pub struct Clock(Arc<dyn Time>);

impl Clock {
    /// A clock by which `time` is told.
    pub fn new(time: impl Time + 'static) -> Self {
        Self(Arc::new(time))
    }

    /// The time for pauses and deadlines.
    pub fn now(&self) -> Instant {
        self.0.now()
    }

    /// `time` from now; a time past the range of the clock is a year.
    #[inline]
    pub fn after(&self, time: Duration) -> Instant {
        let now = self.now();
        now.checked_add(time).unwrap_or_else(|| now + A_YEAR)
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(&self) -> i64 {
        self.0.unix_ms()
    }
}

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

#[derive(Debug)]
struct SystemClock;

impl Time for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn unix_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |time| time.as_millis() as i64)
    }
}
