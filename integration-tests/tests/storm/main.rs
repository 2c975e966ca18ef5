//! Workers in their own processes are killed, stopped and started at random while messages keep
//! coming. Nothing may be lost, and in each partition no message may be handled for the first time
//! before its predecessor.
//!
//! A failure names its seed; `RWS_KAFKA_STORM_SEED` repeats the same moves. For a closer look,
//! `RWS_KAFKA_STORM_PAUSE_MS` changes the pause between two moves, and `RWS_KAFKA_STORM_KEEP=1`
//! keeps journal and logs also of tests that pass.

mod aftermath;
mod crew;
mod dice;
mod journal;
mod kills;
mod leaving;
mod moves;
mod order;
mod protocol;
mod sender;
mod stops;
mod storm;
