//! Lanes: the threads that handle messages, and the handling of failures.
//!
//! A message that is handled alone is a batch of one, so both have the same progress, letters and failures.

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
