use crate::mask::masked;
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rws_kafka_config::Properties;
use rws_kafka_observe::non_zero;
use rws_kafka_observe::text::printable;
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// The time over which lines are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The number of lines of a facility that are written in that time.
const LINES: u32 = 10;

/// The number of facilities that are counted separately. librdkafka has about sixty.
const FACILITIES: usize = 100;

/// Writes librdkafka's log lines to `tracing`, without secrets and limited in number.
///
/// Debug lines (property `debug`) are not limited.
pub struct Logs {
    properties: Properties,
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    lines: u32,
    held_back: u64,
}

impl Logs {
    /// Creates the log of a client with `properties`.
    pub fn new(properties: &Properties) -> Self {
        Self {
            properties: properties.clone(),
            windows: Mutex::default(),
        }
    }

    /// Writes a line, unless its facility has reached its limit.
    pub fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if matches!(level, RDKafkaLogLevel::Debug) {
            let line = masked(&self.properties, line);
            tracing::debug!(target: "librdkafka", facility, "{}", printable(&line));
            return;
        }
        let Some(held_back) = self.admit(facility, Instant::now()) else {
            return;
        };
        let line = masked(&self.properties, line);
        let (line, held_back) = (printable(&line), non_zero(held_back));
        match level {
            RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, held_back, "{line}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, held_back, "{line}");
            }
            _ => tracing::error!(target: "librdkafka", facility, held_back, "{line}"),
        }
    }

    /// Returns how many lines were suppressed in the previous window, if this one may be written.
    fn admit(&self, facility: &str, now: Instant) -> Option<u64> {
        let mut windows = self.windows.lock();
        let is_known = windows.contains_key(facility);
        let facility = if is_known || windows.len() < FACILITIES {
            facility
        } else {
            ""
        };
        let fresh = Window {
            began: now,
            lines: 0,
            held_back: 0,
        };
        let window = windows.entry(facility.to_owned()).or_insert(fresh);
        let mut held_back = 0;
        if now.saturating_duration_since(window.began) >= WINDOW {
            held_back = window.held_back;
            *window = fresh;
        }
        if window.lines == LINES {
            window.held_back += 1;
            return None;
        }
        window.lines += 1;
        Some(held_back)
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_facility_ten_lines_are_written_in_ten_seconds() {
        let logs = Logs::new(&Properties::default());
        let now = Instant::now();
        let admitted = |facility, seconds, lines: usize| {
            let at = now + Duration::from_secs(seconds);
            let admitted = (0..lines).filter_map(|_| logs.admit(facility, at));
            admitted.collect::<Vec<u64>>()
        };
        assert_eq!(admitted("FAIL", 0, 25), [0; 10]);
        assert_eq!(admitted("GETPID", 0, 3), [0; 3]);
        assert_eq!(admitted("FAIL", 9, 5), [0; 0]);
        assert_eq!(admitted("FAIL", 10, 2), [20, 0]);
        assert_eq!(admitted("GETPID", 10, 1), [0]);
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let logs = Logs::new(&Properties::default());
        let now = Instant::now();
        let names = (0..10 * FACILITIES).map(|number| number.to_string());
        let admitted = names.filter_map(|name| logs.admit(&name, now)).count();
        assert_eq!(admitted, FACILITIES + LINES as usize);
        assert_eq!(logs.windows.lock().len(), FACILITIES + 1);
    }
}
