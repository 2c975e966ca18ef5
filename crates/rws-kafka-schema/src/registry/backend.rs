//! What every kind of registry can do; caching, retries and codecs stand above it.

use super::error::RegistryError;
use super::id::SchemaId;
use crate::schema::Schema;
use std::fmt::Debug;

/// A registry as its protocol has it: each call is one exchange, or as many as that protocol takes,
/// with nothing kept.
pub(crate) trait Backend: Debug + Send + Sync {
    /// The schema of this id.
    fn by_id(&self, id: SchemaId) -> Result<Schema, RegistryError>;

    /// A version of a subject; `None` is the latest.
    fn version(&self, subject: &str, version: Option<u32>) -> Result<Stored, RegistryError>;

    /// The id of `schema` under `subject`, registered where it was not.
    fn register(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<SchemaId, RegistryError>;

    /// Where `schema` stands under `subject`, where it is registered.
    fn find(&self, subject: &str, schema: &Schema, normalize: bool)
    -> Result<Found, RegistryError>;

    /// What `subject`'s compatibility rule has against `schema`; nothing where it may be registered.
    fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError>;

    /// Whether the registry answers.
    fn ping(&self) -> Result<(), RegistryError>;
}

/// Where a schema stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: SchemaId,
    /// Where the registry tells it.
    pub(crate) version: Option<u32>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: SchemaId,
    pub(crate) version: u32,
    pub(crate) schema: Schema,
}
