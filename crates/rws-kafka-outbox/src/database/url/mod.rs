//! The URLs of databases: what they say beyond what tokio-postgres reads.

mod parameters;
mod parse;
mod problem;
mod query;
#[cfg(test)]
mod tests;

pub(super) use parse::{Url, parse};
