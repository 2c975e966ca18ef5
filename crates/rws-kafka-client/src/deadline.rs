use std::time::{Duration, Instant};

/// A time longer than any process runs, but short enough to be added to any [`Instant`].
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The time at which a wait ends.
///
/// It can be created from any [`Duration`], even [`Duration::MAX`]: a duration of more than thirty years is
/// shortened to thirty years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline `time` from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(FOR_EVER))
    }

    /// Returns the time until the deadline, or zero after it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns `true` if the deadline has passed.
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Returns the earlier of the two deadlines.
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// Returns the deadline as an [`Instant`].
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
