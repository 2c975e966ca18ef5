use jsonschema::{ReferencingError, ValidationError, error::ValidationErrorKind};
use rws_kafka_observe::text::printable;
use std::fmt;

/// The most violations that an error lists.
const SHOWN: usize = 5;
/// The most characters that an error shows of a schema or payload.
const MOST_WORDS: usize = 240;

/// The error of compiling a JSON Schema, or of checking a value against it.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JsonSchemaError {
    /// The schema, or one that it refers to, is invalid.
    #[error("the JSON Schema{} is invalid: {detail}", Named(.name))]
    Schema {
        /// The name under which it is referred to; empty for the schema itself.
        name: String,
        /// What is wrong, and where.
        detail: String,
    },

    /// The schema refers to one that is not among its references. Schemas are never fetched from a URI.
    #[error("the JSON Schema refers to {uri}, which is not among its references")]
    UnknownReference {
        /// The URI that it refers to.
        uri: String,
    },

    /// The schema does not allow the value.
    #[error("the value violates the JSON Schema: {}", Listed(.violations, *.more))]
    Mismatch {
        /// The first 5 violations.
        violations: Vec<Violation>,
        /// `true` if there are more violations than the listed ones.
        more: bool,
    },
}

/// One violation of a schema by a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The place in the value, as a [JSON Pointer](https://www.rfc-editor.org/rfc/rfc6901); empty for the
    /// value itself.
    pub pointer: String,
    /// What is wrong. It shows names of properties, but no values.
    pub words: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        if !self.pointer.is_empty() {
            write!(f, " (at {})", self.pointer)?;
        }
        Ok(())
    }
}

impl fmt::Debug for JsonSchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

impl JsonSchemaError {
    pub(super) fn no_json(name: &str, error: &serde_json::Error) -> Self {
        Self::Schema {
            name: bounded(name),
            detail: format!("not JSON: {}", bounded(error)),
        }
    }

    pub(super) fn of_schema(error: &ValidationError<'_>) -> Self {
        if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) =
            error.kind()
        {
            return Self::UnknownReference { uri: bounded(uri) };
        }
        let pointer = bounded(error.instance_path().as_str());
        let words = bounded(error);
        Self::Schema {
            name: String::new(),
            detail: Violation { pointer, words }.to_string(),
        }
    }

    pub(super) fn of_value<'a>(mut errors: impl Iterator<Item = ValidationError<'a>>) -> Self {
        let violations = errors.by_ref().take(SHOWN).map(|error| Violation {
            pointer: bounded(error.instance_path().as_str()),
            words: bounded(error.masked_with("the value")),
        });
        Self::Mismatch {
            violations: violations.collect(),
            more: errors.next().is_some(),
        }
    }
}

/// Returns at most [`MOST_WORDS`] characters of `words`, escaped, because they contain names from payload and
/// schema.
fn bounded(words: impl fmt::Display) -> String {
    struct Bounded {
        text: String,
        left: usize,
    }

    impl fmt::Write for Bounded {
        fn write_str(&mut self, words: &str) -> fmt::Result {
            for character in words.chars() {
                if self.left == 0 {
                    self.text.push('…');
                    return Err(fmt::Error);
                }
                self.left -= 1;
                self.text.push(character);
            }
            Ok(())
        }
    }

    let mut bounded = Bounded {
        text: String::new(),
        left: MOST_WORDS,
    };
    // It fails only when the text is cut.
    let _ = fmt::write(&mut bounded, format_args!("{words}"));
    printable(&bounded.text).into_owned()
}

struct Named<'a>(&'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, " {}", self.0)
    }
}

struct Listed<'a>(&'a [Violation], bool);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        if self.1 {
            f.write_str("; and more")?;
        }
        Ok(())
    }
}
