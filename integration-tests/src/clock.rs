use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time in milliseconds since 1970, as timestamps of messages have it.
///
/// # Panics
///
/// Panics if the clock is before 1970.
pub fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}
