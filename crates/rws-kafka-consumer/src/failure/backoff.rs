use std::time::Duration;

/// The waits between the retries of a failed message.
///
/// The first wait is `initial`. Each further wait is the previous one times the
/// [`multiplier`](Self::multiplier) (default 2), up to `max`. [`jitter`](Self::jitter) shortens each wait at
/// random.
///
/// ```
/// use rws_kafka_consumer::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// let waits: Vec<u128> = (1..=6).map(|n| backoff.after(n).as_millis()).collect();
/// assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
///
/// let backoff = Backoff::fixed(Duration::from_secs(1)).jitter(0.5);
/// assert_eq!(backoff.after(7), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    multiplier: f64,
    jitter: f64,
}

impl Backoff {
    /// Creates a backoff that begins at `initial` and doubles up to `max`, without jitter. An `initial` above
    /// `max` is treated as `max`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial: initial.min(max),
            max,
            multiplier: 2.0,
            jitter: 0.0,
        }
    }

    /// Creates a backoff with the same wait each time, without jitter.
    pub fn fixed(wait: Duration) -> Self {
        Self::new(wait, wait)
    }

    /// Sets the factor between two waits. Default 2. Values below 1, and NaN, are treated as 1.
    #[must_use]
    pub fn multiplier(mut self, multiplier: f64) -> Self {
        self.multiplier = multiplier.max(1.0);
        self
    }

    /// Shortens each wait by a random part of it, at most `share`, so that messages which failed together are
    /// not retried together. Default 0. Values are clamped to 0 to 1, and NaN is treated as 0.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        // `max` turns NaN into 0; `clamp` would keep it.
        self.jitter = share.max(0.0).clamp(0.0, 1.0);
        self
    }

    /// Returns the wait after this many failures in a row, counted from 1, without jitter.
    pub fn after(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.initial.as_secs_f64() * self.multiplier.powi(exponent);
        // A value that overflows `Duration` is more than any `max`.
        Duration::try_from_secs_f64(seconds).map_or(self.max, |wait| wait.min(self.max))
    }

    /// The wait after this many failures in a row, with jitter.
    pub(crate) fn wait_after(&self, failures: u32) -> Duration {
        let wait = self.after(failures);
        if self.jitter == 0.0 {
            return wait;
        }
        let seconds = wait.as_secs_f64() * (1.0 - self.jitter * fastrand::f64());
        Duration::try_from_secs_f64(seconds).map_or(wait, |shortened| shortened.min(wait))
    }
}

impl Default for Backoff {
    /// 100 ms, doubling up to 30 s, with a jitter of 0.2.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(30)).jitter(0.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn jitter_shortens_by_its_share_at_most() {
        let backoff = Backoff::fixed(SECOND).jitter(0.25);
        let waits: Vec<Duration> = (0..200).map(|_| backoff.wait_after(1)).collect();
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(*least >= SECOND.mul_f64(0.75) && *most <= SECOND);
        assert!(*most > *least + SECOND / 10, "{least:?} to {most:?}");
    }

    #[test]
    fn no_number_breaks_it() {
        let huge = Backoff::new(Duration::from_millis(1), Duration::MAX);
        for backoff in [
            huge.multiplier(f64::MAX),
            huge.multiplier(f64::INFINITY),
            huge.multiplier(f64::NAN).jitter(f64::NAN),
            huge.multiplier(-3.0).jitter(-1.0),
            huge.jitter(9.0),
            Backoff::fixed(Duration::MAX).jitter(1e-17),
            Backoff::new(Duration::ZERO, Duration::ZERO).multiplier(f64::INFINITY),
        ] {
            for failures in [0, 1, 2, 1000, u32::MAX] {
                assert!(backoff.wait_after(failures) <= backoff.after(failures));
            }
        }
        assert_eq!(huge.multiplier(-3.0).after(9), Duration::from_millis(1));
        assert_eq!(huge.after(5000), Duration::MAX);
    }
}
