//! Payloads in the framing of registries.

use super::id::SchemaId;
use super::schema_registry::SchemaRegistry;
use super::settings::Kind;
use crate::error::SchemaError;
use crate::wire::{FramingError, confluent};
#[cfg(feature = "glue")]
use crate::wire::{glue, zlib};
use std::borrow::Cow;

/// The capacity reserved for a payload, in bytes, which suffices for most.
const USUAL_PAYLOAD: usize = 256;

/// A payload, and the record header that may name its schema.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    payload: &'a [u8],
    header: Option<&'a [u8]>,
}

impl<'a> Encoded<'a> {
    /// Returns a payload that names its schema itself.
    pub fn new(payload: &'a [u8]) -> Self {
        Self {
            payload,
            header: None,
        }
    }

    /// Sets the value of the record's header [`VALUE_HEADER`](confluent::VALUE_HEADER) or
    /// [`KEY_HEADER`](confluent::KEY_HEADER), if it has one. The header then names the schema.
    #[must_use]
    pub fn header(mut self, header: Option<&'a [u8]>) -> Self {
        self.header = header;
        self
    }

    /// Reads Confluent's framing.
    fn confluent(self) -> Result<Framed<'a>, FramingError> {
        let Some(header) = self.header else {
            let (id, body) = confluent::read_id(self.payload)?;
            return Ok(Framed {
                id: SchemaId::Number(id),
                header: None,
                body: Cow::Borrowed(body),
            });
        };
        let (guid, rest) = confluent::read_guid(header)?;
        Ok(Framed {
            id: SchemaId::Guid(guid),
            header: Some(rest),
            body: Cow::Borrowed(self.payload),
        })
    }

    /// Reads AWS Glue's framing.
    #[cfg(feature = "glue")]
    fn glue(self) -> Result<Framed<'a>, FramingError> {
        let (compression, version, rest) = glue::read_header(self.payload)?;
        let body = match compression {
            glue::Compression::None => Cow::Borrowed(rest),
            glue::Compression::Zlib => Cow::Owned(zlib::decompress(rest, zlib::LARGEST)?),
        };
        Ok(Framed {
            id: SchemaId::Glue(version),
            header: None,
            body,
        })
    }
}

impl<'a> From<&'a [u8]> for Encoded<'a> {
    fn from(payload: &'a [u8]) -> Self {
        Self::new(payload)
    }
}

impl<'a> From<&'a Vec<u8>> for Encoded<'a> {
    fn from(payload: &'a Vec<u8>) -> Self {
        Self::new(payload)
    }
}

impl SchemaRegistry {
    /// Returns a payload with the framing of the schema `id`, followed by what `write` appends.
    pub(crate) fn frame(
        &self,
        id: SchemaId,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), SchemaError>,
    ) -> Result<Vec<u8>, SchemaError> {
        let mut payload = Vec::with_capacity(USUAL_PAYLOAD);
        match (id, self.kind()) {
            #[cfg(feature = "glue")]
            (SchemaId::Glue(version), Kind::Glue { compression, .. }) => {
                glue::write_header(*compression, version, &mut payload);
                let start = payload.len();
                write(&mut payload)?;
                if *compression == glue::Compression::Zlib {
                    let compressed = zlib::compress(&payload[start..]);
                    payload.truncate(start);
                    payload.extend(compressed);
                }
                return Ok(payload);
            }
            (SchemaId::Number(number), _) => confluent::write_id(number, &mut payload),
            // A registry returns only ids of its own kind.
            _ => {}
        }
        write(&mut payload)?;
        Ok(payload)
    }

    /// Reads the framing of a payload.
    pub(crate) fn read<'a>(&self, encoded: Encoded<'a>) -> Result<Framed<'a>, SchemaError> {
        match self.kind() {
            Kind::Confluent { .. } => Ok(encoded.confluent()?),
            #[cfg(feature = "glue")]
            Kind::Glue { .. } => Ok(encoded.glue()?),
        }
    }
}

/// A payload whose schema id is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub(crate) id: SchemaId,
    /// The bytes after the GUID in the header that named it.
    pub(crate) header: Option<&'a [u8]>,
    /// The bytes after the id.
    pub(crate) body: Cow<'a, [u8]>,
}
