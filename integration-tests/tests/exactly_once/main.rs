//! Transactions on a real broker: their outputs are read once, or not at all.

mod failures;
mod fences;
mod misuse;
mod outages;
mod pipeline;
mod process;
mod producer;
mod storm;
mod support;
mod typed;
mod zombie;
