use crate::dice::Dice;
use std::time::Duration;

/// The maximum number of workers at a time, with which a storm starts.
pub(crate) const CREW: usize = 4;

/// The approximate time between two moves, in milliseconds.
const PAUSE: &str = "RWS_KAFKA_STORM_PAUSE_MS";
const USUAL_PAUSE_MS: u64 = 3000;

/// An event for the crew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// A worker is killed by SIGKILL.
    Kill,
    /// A worker is stopped by SIGTERM.
    Stop,
    /// One more worker is started.
    Start,
}

/// The moves of a storm. Workers that stop and start are drawn at random, so that there are always
/// between one and [`CREW`].
pub(crate) struct Moves {
    kills: bool,
    pause: Duration,
    /// The way in which the next workers end. Drawn in pairs of one kill and one stop, so that
    /// every storm has kills.
    ends: Vec<Move>,
}

impl Moves {
    pub(crate) fn new(kills: bool) -> Self {
        let pause = std::env::var(PAUSE).map_or(USUAL_PAUSE_MS, |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("{PAUSE} is {text:?}; it takes a whole number"))
        });
        Self {
            kills,
            pause: Duration::from_millis(pause),
            ends: Vec::new(),
        }
    }

    /// Returns how long to wait for the next one: not always the same, so that they meet a
    /// rebalance at any of its steps.
    pub(crate) fn pause(&self, dice: &mut Dice) -> Duration {
        dice.time(self.pause * 3 / 4, self.pause * 5 / 4)
    }

    pub(crate) fn next(&mut self, dice: &mut Dice, alive: usize) -> Move {
        let starts = match alive {
            0 | 1 => true,
            CREW.. => false,
            _ => dice.coin(),
        };
        if starts {
            return Move::Start;
        }
        if !self.kills {
            return Move::Stop;
        }
        if self.ends.is_empty() {
            self.ends = match dice.coin() {
                true => vec![Move::Kill, Move::Stop],
                false => vec![Move::Stop, Move::Kill],
            };
        }
        self.ends.pop().expect("two were just drawn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_kills_and_never_empties_or_overfills_the_crew() {
        for seed in 0..1000 {
            let (mut dice, mut moves) = (Dice::of(seed), Moves::new(true));
            let (mut alive, mut kills) = (CREW, 0);
            // As many as fit into a minute when every pause is the longest.
            for _ in 0..16 {
                match moves.next(&mut dice, alive) {
                    Move::Start => alive += 1,
                    Move::Stop => alive -= 1,
                    Move::Kill => {
                        alive -= 1;
                        kills += 1;
                    }
                }
                assert!((1..=CREW).contains(&alive), "seed {seed}: {alive} alive");
            }
            assert!(kills >= 4, "seed {seed}: {kills} kills");
        }
    }
}
