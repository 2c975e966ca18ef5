//! The place of a type's message in a schema, in the form in which payloads contain it.

use super::{File, ProtobufError};
use crate::registry::SchemaId;
use crate::schema::Resolved;

/// The place of one type's message in a schema. It is cached and shared.
#[derive(Debug)]
pub(crate) struct Place {
    file: File,
    name: String,
    confluent: Box<[u8]>,
    glue: Box<[u8]>,
}

impl Place {
    /// # Errors
    ///
    /// [`ProtobufError::Schema`], [`ProtobufError::Descriptor`] and
    /// [`ProtobufError::UnknownMessage`].
    pub(crate) fn of<M: prost::Name>(schema: &Resolved) -> Result<Self, ProtobufError> {
        let file = File::new(schema)?;
        let name = M::full_name();
        Ok(Self {
            confluent: file.confluent_prefix(&name)?,
            glue: file.glue_prefix(&name)?,
            file,
            name,
        })
    }

    /// Appends the place in the framing of `id`'s registry.
    pub(crate) fn write(&self, id: SchemaId, to: &mut Vec<u8>) {
        to.extend_from_slice(match id {
            SchemaId::Glue(_) => &self.glue,
            SchemaId::Number(_) | SchemaId::Guid(_) => &self.confluent,
        });
    }

    /// Returns the bytes after the place at the start of `bytes`.
    ///
    /// # Errors
    ///
    /// [`ProtobufError::Framing`], [`ProtobufError::UnknownIndexes`] and
    /// [`ProtobufError::OtherMessage`].
    pub(crate) fn read<'a>(
        &self,
        id: SchemaId,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], ProtobufError> {
        match id {
            SchemaId::Glue(_) => self.file.glue_rest(&self.glue, &self.name, bytes),
            SchemaId::Number(_) | SchemaId::Guid(_) => {
                self.file.confluent_rest(&self.confluent, &self.name, bytes)
            }
        }
    }
}
