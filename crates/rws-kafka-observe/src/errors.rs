use crate::status::RecentError;
use crate::text::printable;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::SystemTime;

/// The number of errors that are kept.
const KEPT: usize = 50;

/// The most recent errors, latest first. An error that occurs again is counted instead of added.
#[derive(Debug, Default)]
pub(crate) struct RecentErrors {
    errors: Mutex<VecDeque<RecentError>>,
}

impl RecentErrors {
    pub(crate) fn note(&self, source: &str, message: &str) {
        let message = one_line(message);
        let at_unix_ms = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0));
        let mut errors = self.errors.lock();
        let known = errors
            .iter()
            .position(|error| error.source == source && error.message == message);
        let mut error = known
            .and_then(|index| errors.remove(index))
            .unwrap_or_else(|| RecentError {
                source: source.to_owned(),
                message,
                ..RecentError::default()
            });
        error.at_unix_ms = at_unix_ms;
        error.count += 1;
        errors.push_front(error);
        errors.truncate(KEPT);
    }

    pub(crate) fn list(&self) -> Vec<RecentError> {
        let errors = self.errors.lock();
        errors.iter().cloned().collect()
    }
}

fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = words.join(" ");
    printable(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_counted_and_comes_to_the_front() {
        let errors = RecentErrors::default();
        errors.note("a", "one\n  two");
        errors.note("b", "one two");
        errors.note("a", "one two");
        let told: Vec<_> = errors.list();
        let told: Vec<_> = told
            .iter()
            .map(|error| (error.source.as_str(), error.message.as_str(), error.count))
            .collect();
        assert_eq!(told, [("a", "one two", 2), ("b", "one two", 1)]);
        assert!(errors.list().iter().all(|error| error.at_unix_ms > 0));
    }

    #[test]
    fn the_list_and_each_message_are_bounded() {
        let errors = RecentErrors::default();
        (0..60).for_each(|number| errors.note("a", &number.to_string()));
        errors.note("a", &"ü".repeat(2000));
        let told = errors.list();
        assert_eq!(told.len(), KEPT);
        assert!(told[0].message.len() <= crate::text::MAX_BYTES);
        assert_eq!(told[1].message, "59");
    }
}
