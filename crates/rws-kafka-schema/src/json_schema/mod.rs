//! JSON that is checked against a JSON Schema, with [`jsonschema`].

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

/// How often a pattern with lookaround or backreferences may backtrack for each text; beyond that, the text
/// is a violation. The worst pattern measured took 0.1 s for 10 KB. A pattern that is not anchored at the
/// start takes two for each character. Other patterns take time in proportion to the text.
const MOST_BACKTRACKS: usize = 10_000;
/// The maximum size of a compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// A compiled JSON Schema of draft 4, 6, 7, 2019-09 or 2020-12, according to its `$schema`. The default is
/// draft 7, as in Confluent's clients.
#[derive(Debug)]
pub(crate) struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles a schema. References by URI are resolved from its dependencies; nothing is ever fetched.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Schema`] if the schema or one of its patterns is invalid, and
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

    /// Appends `value` as compact JSON if it is valid; otherwise leaves `to` unchanged.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Mismatch`] with the violations of the schema, or [`ValueError::Json`] if JSON
    /// cannot represent the value.
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

    /// Decodes a payload, which must be valid.
    ///
    /// # Errors
    ///
    /// [`JsonSchemaError::Mismatch`] with the violations of the schema, or [`ValueError::Json`] with line,
    /// column and path if the payload is not JSON or not of type `T`.
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

/// Returns the name of the record that a schema describes: its title.
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
