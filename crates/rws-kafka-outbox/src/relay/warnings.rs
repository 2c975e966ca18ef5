//! Limits how often a relay logs its troubles.

use std::time::{Duration, Instant};

/// The time between two log lines with the same text.
const EVERY: Duration = Duration::from_secs(60);
/// The maximum number of lines in that time: an error may name a different topic each time.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Warnings {
    logged: Vec<(String, Instant)>,
}

impl Warnings {
    /// Returns `true` if `words` are to be logged at `now`.
    pub(super) fn is_due(&mut self, words: &str, now: Instant) -> bool {
        self.logged.retain(|(_, at)| now < *at + EVERY);
        let is_known = self.logged.iter().any(|(logged, _)| logged == words);
        if is_known || self.logged.len() >= MOST {
            return false;
        }
        self.logged.push((words.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_that_lasts_is_logged_once_a_minute() {
        let mut warnings = Warnings::default();
        let start = Instant::now();
        let due = |warnings: &mut Warnings, words, seconds| {
            warnings.is_due(words, start + Duration::from_secs(seconds))
        };
        assert!(due(&mut warnings, "a", 0));
        assert!(due(&mut warnings, "b", 1));
        for seconds in 2..60 {
            assert!(!due(&mut warnings, "a", seconds), "also in turns");
        }
        assert!(due(&mut warnings, "a", 60));
        assert!(due(&mut warnings, "b", 61));
    }

    #[test]
    fn many_different_troubles_are_cut() {
        let mut warnings = Warnings::default();
        let now = Instant::now();
        let logged = (0..1000).filter(|n| warnings.is_due(&n.to_string(), now));
        assert_eq!(logged.count(), 16);
        assert!(warnings.is_due("later", now + EVERY));
    }
}
