//! From a value to bytes, by serde.

mod choice;
mod held;
mod items;
mod output;
mod record;
mod records;
mod serializer;

use super::error::AvroError;
use super::parse;
use super::types::Types;
use crate::schema::Resolved;
use output::Output;
use serde::Serialize;
use serializer::Ser;

/// How deep records, arrays and maps can nest: a value that is written can be read.
pub(super) const DEPTH: u32 = 128;

/// Writes values by one schema. Kept and shared: making it takes longer than a value.
#[derive(Debug)]
pub(crate) struct Writer {
    types: Types,
}

impl Writer {
    /// # Errors
    ///
    /// [`AvroError::Schema`].
    pub(crate) fn new(schema: &Resolved) -> Result<Self, AvroError> {
        Ok(Self {
            types: parse::parse(schema)?,
        })
    }

    /// Appends `value`, without any framing. On an error, `to` is as it was.
    ///
    /// # Errors
    ///
    /// [`AvroError::Value`] and [`AvroError::Range`]; [`AvroError::Schema`] where the value lacks a field
    /// and its default is wrong.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        value: &T,
        to: &mut Vec<u8>,
    ) -> Result<(), AvroError> {
        let before = to.len();
        let mut output = Output { to, depth: DEPTH };
        let types = &self.types;
        value
            .serialize(Ser::new(types, types.get(types.root), &mut output))
            .map_err(|fail| {
                to.truncate(before);
                AvroError::from(fail)
            })
    }
}
