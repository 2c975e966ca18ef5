use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A limit on dead-lettered and skipped messages, at which the worker stops.
///
/// While a database is unavailable, every message fails: without a circuit breaker all messages of the topic
/// go to the dead letter queue. The breaker counts messages that are dead-lettered or skipped, among all
/// messages that are finished. A message that is still being retried does not count.
///
/// ```
/// use rws_kafka_consumer::CircuitBreaker;
///
/// // Stops at the 20th failure in a row, or when more than half of the last 200 messages failed.
/// let breaker = CircuitBreaker::consecutive(20).or_rate(0.5, 200);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CircuitBreaker {
    consecutive: Option<u32>,
    rate: Option<(f64, usize)>,
}

impl CircuitBreaker {
    /// Creates a breaker that stops the worker when this many messages in a row would be dead-lettered or
    /// skipped. At least 1.
    pub fn consecutive(messages: u32) -> Self {
        Self {
            consecutive: Some(messages.max(1)),
            rate: None,
        }
    }

    /// Creates a breaker that stops the worker when more than `share` (0 to 1) of the last `window` messages
    /// would be dead-lettered or skipped. It does not stop the worker before `window` messages are finished.
    ///
    /// `share` is clamped to 0 to 1, NaN is treated as 0, and a `window` of 0 as 1.
    pub fn rate(share: f64, window: usize) -> Self {
        // `max` turns NaN into 0; `clamp` would keep it.
        let share = share.max(0.0).clamp(0.0, 1.0);
        Self {
            consecutive: None,
            rate: Some((share, window.max(1))),
        }
    }

    /// Adds the limit of [`rate`](Self::rate), or replaces it.
    #[must_use]
    pub fn or_rate(mut self, share: f64, window: usize) -> Self {
        self.rate = Self::rate(share, window).rate;
        self
    }

    /// Adds the limit of [`consecutive`](Self::consecutive), or replaces it.
    #[must_use]
    pub fn or_consecutive(mut self, messages: u32) -> Self {
        self.consecutive = Self::consecutive(messages).consecutive;
        self
    }
}

impl fmt::Display for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(messages) = self.consecutive {
            write!(f, "{messages} in a row")?;
        }
        if let Some((share, window)) = self.rate {
            let or = if self.consecutive.is_some() {
                ", or "
            } else {
                ""
            };
            write!(f, "{or}more than {} % of the last {window}", share * 100.0)?;
        }
        Ok(())
    }
}

/// The counts of a breaker.
#[derive(Debug)]
pub(crate) struct Fuse {
    breaker: CircuitBreaker,
    run: AtomicU32,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// Whether each of the last messages was dead-lettered or skipped, the latest last.
    ends: VecDeque<bool>,
    given_up: usize,
}

impl Fuse {
    pub(crate) fn new(breaker: CircuitBreaker) -> Self {
        Self {
            breaker,
            run: AtomicU32::new(0),
            window: Mutex::default(),
        }
    }

    /// Counts `count` handled messages.
    pub(crate) fn handled(&self, count: u64) {
        if count == 0 {
            return;
        }
        self.run.store(0, Ordering::Relaxed);
        if let Some((_, window)) = self.breaker.rate {
            let count = usize::try_from(count).map_or(window, |count| count.min(window));
            self.push(window, std::iter::repeat_n(false, count));
        }
    }

    /// Counts a message that is to be dead-lettered or skipped. Returns `true` if the worker must stop
    /// instead.
    pub(crate) fn blows(&self) -> bool {
        let run = self.run.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let too_many = self.breaker.consecutive.is_some_and(|most| run >= most);
        let too_often = self.breaker.rate.is_some_and(|(share, window)| {
            let given_up = self.push(window, std::iter::once(true));
            given_up.is_some_and(|given_up| given_up as f64 > share * window as f64)
        });
        too_many || too_often
    }

    /// Returns the number of dead-lettered and skipped messages in the window, if the window is full.
    fn push(&self, window: usize, ends: impl Iterator<Item = bool>) -> Option<usize> {
        let mut state = self.window.lock();
        for end in ends {
            state.ends.push_back(end);
            state.given_up += usize::from(end);
            if state.ends.len() > window && state.ends.pop_front() == Some(true) {
                state.given_up -= 1;
            }
        }
        (state.ends.len() == window).then_some(state.given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_blows_at_the_last_of_a_run_and_a_success_begins_anew() {
        let fuse = Fuse::new(CircuitBreaker::consecutive(3));
        assert_eq!([fuse.blows(), fuse.blows()], [false, false]);
        fuse.handled(0);
        assert!(fuse.blows());
        fuse.handled(1);
        assert_eq!(
            [fuse.blows(), fuse.blows(), fuse.blows()],
            [false, false, true]
        );
        assert!(Fuse::new(CircuitBreaker::consecutive(0)).blows());
    }

    #[test]
    fn it_blows_at_a_share_of_a_full_window() {
        let fuse = Fuse::new(CircuitBreaker::rate(0.5, 4));
        // Two of four are not more than half.
        assert_eq!([fuse.blows(), fuse.blows()], [false, false]);
        fuse.handled(1);
        fuse.handled(1);
        assert!(!fuse.blows(), "the first has left the window");
        assert!(!fuse.blows(), "the second has left the window");
        assert!(fuse.blows());
        fuse.handled(1_000_000);
        assert_eq!(fuse.window.lock().ends.len(), 4);
        assert!(!fuse.blows());
    }

    #[test]
    fn a_share_of_all_never_blows() {
        let fuse = Fuse::new(CircuitBreaker::rate(1.0, 3));
        assert!((0..10).all(|_| !fuse.blows()));
        let fuse = Fuse::new(CircuitBreaker::rate(f64::NAN, 0));
        assert!(fuse.blows());
    }

    #[test]
    fn it_says_what_it_is_set_to() {
        let both = CircuitBreaker::rate(0.25, 200).or_consecutive(20);
        assert_eq!(
            both.to_string(),
            "20 in a row, or more than 25 % of the last 200"
        );
        assert_eq!(
            CircuitBreaker::rate(0.5, 8).to_string(),
            "more than 50 % of the last 8"
        );
    }
}
