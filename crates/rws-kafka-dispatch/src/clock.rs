use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The longest time that a clock adds.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A source of the time. A test has one that it advances itself.
pub trait Time: fmt::Debug + Send + Sync {
    /// Returns the time for pauses and deadlines.
    fn now(&self) -> Instant;

    /// Returns the time in milliseconds since 1970.
    fn unix_ms(&self) -> i64;
}

/// The clock of a worker's messages: for retries, delays and timestamps in headers.
///
/// Deadlines of waits for a broker or a thread do not use it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<dyn Time>);

impl Clock {
    /// Creates a clock that reads `time`.
    pub fn new(time: impl Time + 'static) -> Self {
        Self(Arc::new(time))
    }

    /// Returns the time for pauses and deadlines.
    pub fn now(&self) -> Instant {
        self.0.now()
    }

    /// Returns the time `time` from now. If that is out of range, returns the time a year from now.
    #[inline]
    pub fn after(&self, time: Duration) -> Instant {
        let now = self.now();
        now.checked_add(time).unwrap_or_else(|| now + A_YEAR)
    }

    /// Returns the time in milliseconds since 1970.
    pub fn unix_ms(&self) -> i64 {
        self.0.unix_ms()
    }
}

impl Default for Clock {
    /// Returns a clock that reads the system's time.
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
