//! Workers are killed, stopped and started at random, each a process of its own, while messages
//! come all the time: nothing may be lost, and of each partition a message never comes first
//! before its predecessor.
//!
//! A failure names its seed; `RWS_KAFKA_STORM_SEED` repeats the same moves. For a closer look,
//! `RWS_KAFKA_STORM_PAUSE_MS` changes the pause between two moves, and `RWS_KAFKA_STORM_KEEP=1` keeps
//! journal and logs of what passed, too.

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
