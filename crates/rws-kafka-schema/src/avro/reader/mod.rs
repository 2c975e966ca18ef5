//! Decodes bytes to a value, with serde.
//!
//! `de` is one value, and `deserializer` is how serde reads it. The parts of a value (`access`) need only
//! `de`, so the modules have no cycle.

mod access;
mod compound;
mod de;
mod deserializer;
mod input;

use crate::avro::error::AvroError;
use crate::avro::parse;
use crate::avro::plan::{self, Plan};
use crate::schema::Resolved;
use de::De;
use input::Input;
use serde::de::DeserializeOwned;

/// Reads values that were written with one schema. It is cached and shared, because creating it takes longer
/// than reading a value.
#[derive(Debug)]
pub(crate) struct Reader {
    plan: Plan,
}

impl Reader {
    /// Creates a reader of values written with `writer`, read according to `reader`, or as they were written
    /// if there is none.
    ///
    /// # Errors
    ///
    /// [`AvroError::Schema`], and [`AvroError::Unresolvable`] for a field that no payload can provide. If
    /// `reader` has no place for a branch of a union or a symbol of an enum, only reading payloads that
    /// contain it fails.
    pub(crate) fn new(writer: &Resolved, reader: Option<&Resolved>) -> Result<Self, AvroError> {
        let writer = parse::parse(writer)?;
        let plan = match reader {
            Some(reader) => plan::plan(&writer, &parse::parse(reader)?)?,
            None => plan::plan(&writer, &writer)?,
        };
        Ok(Self { plan })
    }

    /// Decodes a value without framing. Nothing may follow it.
    ///
    /// # Errors
    ///
    /// All of [`AvroError`] except `Schema` and `Value`.
    pub(crate) fn decode<T: DeserializeOwned>(&self, datum: &[u8]) -> Result<T, AvroError> {
        let mut input = Input::new(&self.plan, datum);
        let value = T::deserialize(De::new(self.plan.root(), &mut input))?;
        match input.left() {
            0 => Ok(value),
            count => Err(AvroError::LeftOver {
                position: input.position(),
                count,
            }),
        }
    }
}
