use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Admits one log line per interval and counts the lines that it held back.
///
/// An unreachable broker fails every message; a line for each would hide the cause.
///
/// ```
/// use rws_kafka_observe::LogRate;
/// use std::time::Duration;
///
/// let rate = LogRate::new(Duration::from_secs(60));
/// assert_eq!(rate.admit(), Some(0));
/// assert_eq!(rate.admit(), None);
/// ```
#[derive(Debug)]
pub struct LogRate {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    held_back: u64,
}

impl LogRate {
    /// Admits one line per `interval`.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            state: Mutex::default(),
        }
    }

    /// Returns `Some(n)` if a line may be written now, where `n` lines were held back since the last one.
    /// Returns `None` if this line is to be held back.
    pub fn admit(&self) -> Option<u64> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < self.interval)
        {
            state.held_back += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.held_back))
    }
}

/// Returns a count as a field of a log line: `None`, which omits the field, for 0.
///
/// With [`LogRate`], write `held_back = non_zero(held_back)`: the field says how many lines like this one
/// were held back since the last one.
///
/// ```
/// use rws_kafka_observe::non_zero;
///
/// assert_eq!(non_zero(0), None);
/// assert_eq!(non_zero(7), Some(7));
/// ```
#[must_use]
pub fn non_zero(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}
