//! Encodes a value to bytes, with serde.
//!
//! `ser` is where a value goes, and `serializer` is how serde puts it there. The parts of a value (`items`,
//! `map`, `record`, `tuple`) need only `ser`, so the modules have no cycle.

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

/// Writes values with one schema. It is cached and shared, because creating it takes longer than writing a
/// value.
#[derive(Debug)]
pub(crate) struct Writer {
    types: Types,
}

impl Writer {
    /// Creates a writer.
    ///
    /// # Errors
    ///
    /// [`AvroError::Schema`] if the schema is invalid.
    pub(crate) fn new(schema: &Resolved) -> Result<Self, AvroError> {
        Ok(Self {
            types: parse::parse(schema)?,
        })
    }

    /// Appends `value`, without framing. If it fails, `to` is unchanged.
    ///
    /// # Errors
    ///
    /// [`AvroError::Value`] or [`AvroError::Range`] if the value does not fit, and [`AvroError::Schema`] if
    /// it lacks a field whose default is wrong.
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
