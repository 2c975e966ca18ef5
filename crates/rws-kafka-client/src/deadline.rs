use std::time::{Duration, Instant};

/// Longer than any process runs, and short enough to be added to any [`Instant`].
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The moment at which a wait ends.
///
/// Any [`Duration`] can be given, [`Duration::MAX`] too: one that is longer than thirty years ends in
/// thirty years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline that is `time` from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(FOR_EVER))
    }

    /// Returns the time until the deadline: zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns `true` if no time remains.
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Returns the one of both that passes first.
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// Returns the moment itself, for a wait that takes one.
    pub fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_when_its_time_is_over() {
        let now = Deadline::after(Duration::ZERO);
        assert!(now.has_passed());
        assert_eq!(now.remaining(), Duration::ZERO);
        let hour = Deadline::after(Duration::from_secs(3600));
        assert!(!hour.has_passed());
        assert!(hour.remaining() > Duration::from_secs(3500));
        assert_eq!((now.earlier(hour), hour.earlier(now)), (now, now));
        assert!(hour.instant() > Instant::now());
    }

    #[test]
    fn no_time_is_too_long_for_a_deadline() {
        let never = Deadline::after(Duration::MAX);
        assert!(never.remaining() > Duration::from_secs(20 * 365 * 24 * 3600));
        let hour = Deadline::after(Duration::from_secs(3600));
        assert_eq!(never.earlier(hour), hour);
    }
}
