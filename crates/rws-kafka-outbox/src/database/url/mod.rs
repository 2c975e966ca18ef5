//! Database URLs, including the parameters that tokio-postgres does not read.

mod parameters;
mod parse;
mod problem;
mod query;
#[cfg(test)]
mod tests;

pub(super) use parse::{Url, parse};
