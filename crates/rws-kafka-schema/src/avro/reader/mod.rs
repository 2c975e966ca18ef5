//! From bytes to a value, by serde.
//!
//! `de` is one value, and `deserializer` how serde reads it. The parts of a value (`access`) need only
//! the first, so that no file needs another that needs it.

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

/// Reads values that were written by one schema. Kept and shared: making it takes longer than a
/// value.
#[derive(Debug)]
pub(crate) struct Reader {
    plan: Plan,
}

impl Reader {
    /// Reads what `writer` wrote, as `reader` has it; as it was written where there is none.
    ///
    /// # Errors
    ///
    /// [`AvroError::Schema`], and [`AvroError::Unresolvable`] for a field that no payload could give.
    /// A branch of a union, or a symbol of an enum, that the reader has no place for is an error of
    /// the payloads that have it.
    pub(crate) fn new(writer: &Resolved, reader: Option<&Resolved>) -> Result<Self, AvroError> {
        let writer = parse::parse(writer)?;
        let plan = match reader {
            Some(reader) => plan::plan(&writer, &parse::parse(reader)?)?,
            None => plan::plan(&writer, &writer)?,
        };
        Ok(Self { plan })
    }

    /// The value of `datum`, which has no framing and nothing after it.
    ///
    /// # Errors
    ///
    /// All of [`AvroError`] but `Schema` and `Value`.
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
