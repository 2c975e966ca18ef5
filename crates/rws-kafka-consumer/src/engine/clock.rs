use super::deadline_in;
use std::time::{Duration, Instant, SystemTime};

/// What time it is for the messages of a worker: for retries, delays, and what is written of them.
///
/// Deadlines of waits for a broker or a thread are not its business.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    #[cfg(feature = "testing")]
    Test(TestClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            #[cfg(feature = "testing")]
            Self::Test(clock) => clock.now(),
        }
    }

    /// `time` from now, within the range of the clock.
    pub(crate) fn after(&self, time: Duration) -> Instant {
        match self {
            Self::System => deadline_in(time),
            #[cfg(feature = "testing")]
            Self::Test(clock) => clock.after(time),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_ms(&self) -> i64 {
        let now = match self {
            Self::System => SystemTime::now(),
            #[cfg(feature = "testing")]
            Self::Test(clock) => return clock.unix_ms(),
        };
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |time| time.as_millis() as i64)
    }
}

/// A clock that stands still until a test moves it.
#[cfg(feature = "testing")]
#[derive(Clone, Debug)]
pub(crate) struct TestClock {
    start: Instant,
    elapsed: std::sync::Arc<std::sync::Mutex<Duration>>,
}

/// 2020-01-01, so that no test depends on the day it runs on.
#[cfg(feature = "testing")]
const START_MS: i64 = 1_577_836_800_000;

#[cfg(feature = "testing")]
impl TestClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            elapsed: std::sync::Arc::default(),
        }
    }

    /// The time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        *crate::lock::lock(&self.elapsed)
    }

    /// Never goes back.
    pub(crate) fn move_to(&self, elapsed: Duration) {
        let mut now = crate::lock::lock(&self.elapsed);
        *now = elapsed.max(*now);
    }

    /// How long after the beginning `at` is.
    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }

    pub(crate) fn unix_ms(&self) -> i64 {
        START_MS + self.elapsed().as_millis() as i64
    }

    fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn after(&self, time: Duration) -> Instant {
        let now = self.now();
        // As far as any test goes.
        now.checked_add(time)
            .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
    }
}
