//! What every kind of registry can do. Caches, retries and codecs are built on it.

use super::error::RegistryError;
use super::id::SchemaId;
use crate::schema::Schema;
use std::fmt::Debug;

/// A registry's protocol. Each call makes as many exchanges as the protocol needs and caches nothing.
pub(crate) trait Backend: Debug + Send + Sync {
    /// Returns the schema with this id.
    fn by_id(&self, id: SchemaId) -> Result<Schema, RegistryError>;

    /// Returns a version of a subject; `None` means the latest.
    fn version(&self, subject: &str, version: Option<u32>) -> Result<Stored, RegistryError>;

    /// Returns the id of `schema` under `subject`, registering it if necessary.
    fn register(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<SchemaId, RegistryError>;

    /// Finds `schema` under `subject`, if it is registered.
    fn find(&self, subject: &str, schema: &Schema, normalize: bool)
    -> Result<Found, RegistryError>;

    /// Returns the objections of `subject`'s compatibility rule to `schema`; empty if it may be registered.
    fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError>;

    /// Returns `Ok` if the registry answers.
    fn ping(&self) -> Result<(), RegistryError>;
}

/// Where a schema was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: SchemaId,
    /// The version, if the registry reports it.
    pub(crate) version: Option<u32>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: SchemaId,
    pub(crate) version: u32,
    pub(crate) schema: Schema,
}
