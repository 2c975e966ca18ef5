//! Replays of dead letters, on a real broker.

mod guards;
mod kills;
mod permissions;
mod progress;
mod selections;
mod support;
mod workers;
