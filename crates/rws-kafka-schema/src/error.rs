use crate::wire::FramingError;

/// Why a value could not be made a payload, or a payload a value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The value cannot be written as JSON, such as a map whose keys are no text.
    #[cfg(feature = "json")]
    #[error("the value cannot be written as JSON{}", crate::json::place(.path))]
    JsonValue {
        /// Where in the value, such as `lines[2].price`; empty for the value itself.
        path: String,
        /// serde's words.
        source: crate::json::Cause,
    },

    /// The payload is no JSON, or not of the type that was asked for.
    #[cfg(feature = "json")]
    #[error(
        "not the JSON that was asked for, at line {line} column {column}{}",
        crate::json::place(.path)
    )]
    JsonPayload {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes; 0 at the end of an empty payload.
        column: usize,
        /// Where in the value, such as `lines[2].price`; empty for the value itself.
        path: String,
        /// serde's words.
        source: crate::json::Cause,
    },

    /// The payload does not begin as a schema registry's format does.
    #[error("the payload has not the form of a schema registry's")]
    Framing(#[from] FramingError),
}
