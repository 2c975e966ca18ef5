use std::time::{Duration, Instant};

/// Bounds a wait that is given as a time from now.
pub(crate) fn deadline_in(time: Duration) -> Instant {
    let now = Instant::now();
    // A time past the clock's range means "as long as it takes": a year is that.
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}
