//! Lanes: the threads that handle messages, and what becomes of those.
//!
//! A message that is handled alone is a batch of one: what was begun of a strand, its letters and what
//! becomes of a failure are the same for both.

mod as_one;
#[cfg(test)]
mod batch_tests;
mod batches;
mod due;
mod each;
mod failing;
mod handler;
mod handling;
mod letters;
mod shift;
mod stopwatch;
mod thread;

pub(crate) use handler::Handler;
#[cfg(feature = "testing")]
pub(super) use thread::Lane;
pub(super) use thread::run;
