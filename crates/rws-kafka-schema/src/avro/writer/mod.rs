//! From a value to bytes, by serde.
//!
//! `ser` says where a value goes, and `serializer` how serde puts it there. The parts of a value
//! (`items`, `map`, `record`, `tuple`) need only the first, so that no file needs another that needs it.

mod choice;
mod held;
mod items;
mod map;
mod number;
mod output;
mod record;
mod records;
mod ser;
mod serializer;
mod tuple;

use super::error::AvroError;
use super::parse;
use super::types::{DEPTH, Types};
use crate::schema::Resolved;
use output::Output;
use ser::Ser;
use serde::Serialize;

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
