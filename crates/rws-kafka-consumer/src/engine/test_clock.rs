use parking_lot::Mutex;
use rws_kafka_dispatch::Time;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A clock that stands still until a test moves it.
#[derive(Clone, Debug)]
pub(crate) struct TestClock {
    start: Instant,
    elapsed: Arc<Mutex<Duration>>,
}

/// 2020-01-01, so that no test depends on the day it runs on.
const START_MS: i64 = 1_577_836_800_000;

impl TestClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            elapsed: Arc::default(),
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        *self.elapsed.lock()
    }

    /// Moves the clock forward, never back.
    pub(crate) fn move_to(&self, elapsed: Duration) {
        let mut now = self.elapsed.lock();
        *now = elapsed.max(*now);
    }

    /// The time from the start until `at`.
    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }
}

impl Time for TestClock {
    fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn unix_ms(&self) -> i64 {
        START_MS + self.elapsed().as_millis() as i64
    }
}
