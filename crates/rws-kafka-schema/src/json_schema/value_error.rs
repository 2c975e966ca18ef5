use super::error::JsonSchemaError;
use crate::error::{CodecError, SchemaError, SchemaName};

/// Why a value cannot be written, or read from a payload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    /// The value has no form in JSON, or the payload is not JSON or not of the type that was asked for.
    #[error(transparent)]
    Json(#[from] SchemaError),

    /// The schema does not allow it.
    #[error(transparent)]
    Schema(#[from] JsonSchemaError),
}

impl CodecError for ValueError {
    fn of(self, schema: SchemaName) -> SchemaError {
        match self {
            // What is wrong with the JSON itself is reported as without a schema.
            Self::Json(error) => error,
            Self::Schema(error) => error.of(schema),
        }
    }
}
