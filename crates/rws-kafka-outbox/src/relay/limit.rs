//! The number of events in a batch.
//!
//! All events of a batch are in memory at once, and their sizes are known only after they are read. So the
//! relay begins with a small batch, also after a restart, and enlarges it while the batches are small enough.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const FIRST: usize = 64;
/// One per shard.
const LEAST: usize = 16;
const MAX_BYTES: usize = 16 << 20;

/// The current limit. The workers of a relay share it.
#[derive(Debug)]
pub(super) struct Limit {
    now: AtomicUsize,
    most: usize,
}

impl Limit {
    pub(super) fn new(batch_size: usize) -> Self {
        Self {
            now: AtomicUsize::new(FIRST.min(batch_size)),
            most: batch_size,
        }
    }

    /// Returns the limit for each of `shards` shards, at least 1.
    pub(super) fn of_each(&self, shards: usize) -> usize {
        self.now.load(Relaxed).div_ceil(shards.max(1))
    }

    /// Notes that a batch of `events` events was read; `is_full` if there may be more.
    pub(super) fn read(&self, events: usize, bytes: usize, is_full: bool) {
        let now = self.now.load(Relaxed);
        let next = next(now, self.most, events, bytes, is_full);
        // If two workers race, either value is fine.
        self.now.store(next, Relaxed);
    }
}

fn next(now: usize, most: usize, events: usize, bytes: usize, is_full: bool) -> usize {
    if bytes > MAX_BYTES {
        let fitting = events.saturating_mul(MAX_BYTES) / bytes;
        fitting.min(now).max(LEAST)
    } else if is_full && bytes <= MAX_BYTES / 2 {
        (now * 2).min(most)
    } else {
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1_000_000;

    #[test]
    fn small_events_come_to_the_batch_size_in_a_few_batches() {
        let limit = Limit::new(1000);
        let mut seen = Vec::new();
        for _ in 0..6 {
            let now = limit.of_each(1);
            seen.push(now);
            limit.read(now, now * 1000, true);
        }
        assert_eq!(seen, [64, 128, 256, 512, 1000, 1000]);
        assert_eq!(limit.of_each(16), 63);
        assert_eq!(Limit::new(16).of_each(1), 16);
    }

    #[test]
    fn large_events_have_batches_of_16_megabytes() {
        assert_eq!(next(1000, 1000, 1000, 1000 * MB, true), 16);
        assert_eq!(next(1000, 1000, 1000, 100 * MB, true), 167);
        // A few large events also show what fits.
        assert_eq!(next(1000, 1000, 30, 30 * MB, false), 16);
        assert_eq!(next(16, 1000, 16, 17 * MB, true), 16);
        assert_eq!(
            next(64, 1000, 64, 10 * MB, true),
            64,
            "the next may not fit"
        );
    }

    #[test]
    fn it_grows_only_where_there_is_more() {
        assert_eq!(next(64, 1000, 3, 3000, false), 64);
        assert_eq!(next(64, 1000, 64, 64_000, true), 128);
        assert_eq!(next(16, 16, 20, 20_000, true), 16);
    }
}
