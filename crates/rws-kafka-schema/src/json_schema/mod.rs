//! JSON validated against a JSON Schema, by [`jsonschema`].

mod error;
mod message;
mod references;
mod value_error;

pub use error::{JsonSchemaError, Violation};
pub use message::JsonSchemaMessage;

use crate::json;
use crate::schema::Resolved;
use jsonschema::{Draft, PatternOptions};
use references::{References, parsed};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use value_error::ValueError;

/// How often a pattern that looks ahead or back may backtrack, for each text that it is tried on: what
/// takes more is a violation. The worst pattern measured took 0.1 s for 10 KB. One that is not tied to
/// the start takes two for each character. Other patterns take time in proportion to the text.
const MOST_BACKTRACKS: usize = 10_000;
/// Bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// A compiled JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12, as its `$schema` says; without one,
/// draft 7, as Confluent's clients have it.
#[derive(Debug)]
pub(crate) struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles a schema. What it refers to by URI is taken from its dependencies, and nothing is
    /// ever fetched.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Schema`] for a schema that is none or has a wrong pattern,
    /// [`JsonSchemaError::UnknownReference`] for a URI that no dependency has.
    pub(crate) fn new(resolved: &Resolved) -> Result<Self, JsonSchemaError> {
        let schema = parsed(resolved.schema.text(), "")?;
        let references = References::new(resolved)?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(MOST_BACKTRACKS)
            .size_limit(PATTERN_SIZE);
        let mut options = jsonschema::options()
            .with_retriever(references)
            .with_pattern_options(patterns);
        if schema.get("$schema").is_none() {
            options = options.with_draft(Draft::Draft7);
        }
        options
            .build(&schema)
            .map(Self)
            .map_err(|error| JsonSchemaError::of_schema(&error))
    }

    /// Appends `value` as compact JSON, where that is valid; otherwise `to` stays as it is.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Mismatch`] lists what is not as the schema says, [`ValueError::Json`] says
    /// what has no form in JSON.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        &self,
        value: &T,
        to: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let json = json::encode(value)?;
        self.validate(&json)?;
        to.extend_from_slice(&json);
        Ok(())
    }

    /// The value that `payload` holds, which must be valid.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Mismatch`] lists what is not as the schema says, [`ValueError::Json`] has
    /// line, column and path of what is not JSON or not of type `T`.
    pub(crate) fn decode<T: DeserializeOwned>(&self, payload: &[u8]) -> Result<T, ValueError> {
        self.validate(payload)?;
        Ok(json::decode(payload)?)
    }

    fn validate(&self, json: &[u8]) -> Result<(), ValueError> {
        let value: Value = json::decode(json)?;
        if self.0.is_valid(&value) {
            return Ok(());
        }
        Err(JsonSchemaError::of_value(self.0.iter_errors(&value)).into())
    }
}

/// The name of the record that a schema describes: its title.
pub(crate) fn full_name(resolved: &Resolved) -> Option<String> {
    #[derive(Deserialize)]
    struct Titled {
        title: Option<String>,
    }

    let titled: Titled = serde_json::from_str(resolved.schema.text()).ok()?;
    titled.title.filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests;
