//! Handlers of batches against a real broker.

mod bounds;
mod ending;
mod exactly_once;
mod failing;
mod kills;
mod moving;
mod settings;
mod support;
