use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

const SEED: &str = "RWS_KAFKA_STORM_SEED";

/// Repeatable random numbers: the same seed gives the same sequence (splitmix64).
pub(crate) struct Dice {
    pub(crate) seed: u64,
    state: u64,
}

impl Dice {
    /// Uses the seed in the environment, or otherwise a new one.
    pub(crate) fn new() -> Self {
        let seed = match std::env::var(SEED) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{SEED} is {text:?}; it takes a whole number")),
            // Short enough to be typed.
            Err(_) => RandomState::new().build_hasher().finish() % 1_000_000_000,
        };
        Self::of(seed)
    }

    pub(crate) fn of(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Returns a duration from `least` to `most`.
    pub(crate) fn time(&mut self, least: Duration, most: Duration) -> Duration {
        let range = (most - least).as_millis() as usize;
        least + Duration::from_millis(self.below(range + 1) as u64)
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
