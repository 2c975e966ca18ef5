//! Backs off from shards that had nothing to publish. Otherwise a blocked key, or a relay elsewhere that
//! holds the shards, would make this relay poll without a pause.

use crate::strand::{PerShard, SHARDS};
use std::time::{Duration, Instant};

/// The first wait after the outbox was found empty, and the minimum time between two polls that commits
/// cause.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The maximum pause: a refused event is tried again after a second, however long the poll interval is.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Rests {
    longest: Duration,
    shards: PerShard<Rest>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// The previous pause.
    pause: Duration,
    until: Option<Instant>,
    /// Set if a commit came while a worker had the shard, because the worker may have read it before that.
    is_woken: bool,
}

impl Rests {
    pub(super) fn new(poll_interval: Duration) -> Self {
        Self {
            longest: poll_interval.min(LONGEST),
            shards: [Rest::default(); SHARDS as usize],
        }
    }

    /// Notes that a worker has returned `shards`; `is_idle` if it could neither publish nor settle anything.
    pub(super) fn worked(&mut self, shards: &[i16], is_idle: bool) {
        for shard in shards {
            let rest = &mut self.shards[*shard as usize];
            if !is_idle {
                *rest = Rest::default();
                continue;
            }
            rest.pause = (rest.pause * 2).max(FIRST_WAIT).min(self.longest);
            rest.until = (!rest.is_woken).then(|| Instant::now() + rest.pause);
            rest.is_woken = false;
        }
    }

    /// Ends all pauses, because there may be new events, also in the shards that are `busy`.
    pub(super) fn wake(&mut self, busy: &PerShard<bool>) {
        for (rest, busy) in self.shards.iter_mut().zip(busy) {
            rest.until = None;
            rest.is_woken = *busy;
        }
    }

    pub(super) fn is_resting(&self, shard: i16) -> bool {
        let until = self.shards[shard as usize].until;
        until.is_some_and(|until| until > Instant::now())
    }

    /// Returns the time until the first pause ends.
    pub(super) fn first_end(&self) -> Option<Duration> {
        let now = Instant::now();
        let ends = self.shards.iter().filter_map(|rest| rest.until);
        ends.filter(|until| *until > now)
            .min()
            .map(|until| until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: PerShard<bool> = [false; SHARDS as usize];

    fn pause(rests: &Rests, shard: i16) -> Duration {
        rests.shards[shard as usize].pause
    }

    #[test]
    fn a_shard_rests_longer_each_time_until_something_is_published() {
        let mut rests = Rests::new(Duration::from_millis(18));
        for expected in [5, 10, 18, 18] {
            rests.worked(&[3, 4], true);
            assert_eq!(pause(&rests, 3), Duration::from_millis(expected));
        }
        assert!(rests.is_resting(3) && rests.is_resting(4) && !rests.is_resting(5));
        rests.worked(&[3], false);
        assert!(!rests.is_resting(3) && rests.is_resting(4));
        rests.worked(&[3], true);
        assert_eq!(pause(&rests, 3), FIRST_WAIT);
    }

    #[test]
    fn no_poll_interval_makes_it_rest_for_ever_or_panics() {
        let hour = Duration::from_secs(3600);
        for (interval, longest) in [
            (hour, LONGEST),
            (Duration::from_millis(1), Duration::from_millis(1)),
        ] {
            let mut rests = Rests::new(interval);
            for _ in 0..100 {
                rests.worked(&[0], true);
            }
            assert_eq!(pause(&rests, 0), longest);
        }
    }

    #[test]
    fn a_commit_ends_all_rests_and_leaves_out_the_next_of_a_busy_shard() {
        let mut rests = Rests::new(Duration::from_secs(1));
        for _ in 0..8 {
            rests.worked(&[1, 2], true);
        }
        assert!(rests.first_end().is_some());
        let mut busy = IDLE;
        busy[2] = true;
        rests.wake(&busy);
        assert!(!rests.is_resting(1) && rests.first_end().is_none());
        rests.worked(&[1, 2], true);
        assert!(rests.is_resting(1) && !rests.is_resting(2));
        rests.worked(&[2], true);
        assert!(rests.is_resting(2), "once");
    }
}
