use super::error::JsonSchemaError;
use crate::error::{CodecError, SchemaError, SchemaName};

/// The error of encoding or decoding a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    /// JSON cannot represent the value, or the payload is not JSON or not of the requested type.
    #[error(transparent)]
    Json(#[from] SchemaError),

    /// The schema does not allow the value.
    #[error(transparent)]
    Schema(#[from] JsonSchemaError),
}

impl CodecError for ValueError {
    fn of(self, schema: SchemaName) -> SchemaError {
        match self {
            // Errors of the JSON itself are reported as without a schema.
            Self::Json(error) => error,
            Self::Schema(error) => error.of(schema),
        }
    }
}
