//! AWS Glue's [schema registry].
//!
//! [schema registry]: https://docs.aws.amazon.com/glue/latest/dg/schema-registry.html

mod answer;
mod backend;
mod client;
mod credentials;
mod refusal;
mod settings;
mod sign;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use backend::GlueBackend;
pub(crate) use credentials::Credentials;
pub use settings::GlueCompatibility;
pub(crate) use settings::{GlueCredentials, GlueSettings};
