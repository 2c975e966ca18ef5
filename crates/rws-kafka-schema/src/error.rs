#[cfg(feature = "registry")]
use crate::registry::{RegistryError, SchemaId};
#[cfg(feature = "registry")]
use crate::schema::Format;
use crate::wire::FramingError;
#[cfg(feature = "registry")]
use rws_kafka_observe::text::printable;
use std::fmt;

/// The error of encoding a value as a payload, or of decoding a payload.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The value cannot be written as JSON, for example a map whose keys are not text.
    #[cfg(feature = "json")]
    #[error("the value cannot be written as JSON{}", crate::json::place(.path))]
    JsonValue {
        /// The place in the value, such as `lines[2].price`; empty for the value itself.
        path: String,
        /// The error of serde.
        source: crate::json::Cause,
    },

    /// The payload is not valid JSON, or is not of the requested type.
    #[cfg(feature = "json")]
    #[error(
        "the payload is not JSON of the requested type, at line {line} column {column}{}",
        crate::json::place(.path)
    )]
    JsonPayload {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1, in bytes; 0 at the end of an empty payload.
        column: usize,
        /// The place in the value, such as `lines[2].price`; empty for the value itself.
        path: String,
        /// The error of serde.
        source: crate::json::Cause,
    },

    /// The payload does not start with the framing of a schema registry.
    #[error("the payload does not start with the framing of a schema registry")]
    Framing(#[from] FramingError),

    /// The schema registry refused the request or is unavailable.
    #[cfg(feature = "registry")]
    #[error(transparent)]
    Registry(#[from] RegistryError),

    /// The payload was written in another format than the requested one.
    #[cfg(feature = "registry")]
    #[error("schema {id} is {found}; expected {asked}")]
    WrongFormat {
        /// The payload's schema.
        id: SchemaId,
        /// The format of that schema.
        found: Format,
        /// The requested format.
        asked: Format,
    },

    /// There is no schema to write the value with: the type has none of its own, none is declared for it, and
    /// the subject has no version yet.
    #[cfg(feature = "registry")]
    #[error(
        "no {format} schema for subject {subject}: the registry at {url} has none; register one, or \
         send a type that has a schema of its own or is declared on the SchemaRegistry"
    )]
    NoSchema {
        /// The URL of the registry.
        url: String,
        /// The subject.
        subject: String,
        /// The format in which the value was to be written.
        format: Format,
    },

    /// The subject's name needs the name of a record, and there is none.
    #[cfg(feature = "registry")]
    #[error(
        "the subject name strategy {strategy} needs a record's name for topic {topic}: send a type whose \
         own schema has one, or declare such a schema for the type on the SchemaRegistry"
    )]
    NoRecordName {
        /// The subject name strategy.
        strategy: String,
        /// The topic to which the value was to be sent.
        topic: String,
    },

    /// An Avro schema cannot be used, or the value and the schema do not fit.
    #[cfg(feature = "avro")]
    #[error("Avro with {schema}")]
    Avro {
        /// The schema.
        schema: SchemaName,
        /// The cause.
        source: crate::avro::AvroError,
    },

    /// A Protobuf schema cannot be used, or the value and the schema do not fit.
    #[cfg(feature = "protobuf")]
    #[error("Protobuf with {schema}")]
    Protobuf {
        /// The schema.
        schema: SchemaName,
        /// The cause.
        source: crate::protobuf::ProtobufError,
    },

    /// A JSON Schema cannot be used, or the value and the schema do not fit.
    #[cfg(feature = "json-schema")]
    #[error("JSON Schema with {schema}")]
    JsonSchema {
        /// The schema.
        schema: SchemaName,
        /// The cause.
        source: crate::json_schema::JsonSchemaError,
    },
}

impl SchemaError {
    /// Returns `true` if the error does not come from the message, so that the same call may succeed later;
    /// see [`RegistryError::is_transient`](crate::registry::RegistryError::is_transient).
    pub fn is_transient(&self) -> bool {
        match self {
            #[cfg(feature = "registry")]
            Self::Registry(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl fmt::Debug for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

/// Names a schema in an error: by its id, by its subject, or by the type that it belongs to.
#[cfg(feature = "registry")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaName(String);

#[cfg(feature = "registry")]
#[cfg_attr(
    not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
    allow(dead_code)
)]
impl SchemaName {
    pub(crate) fn subject(subject: &str, id: SchemaId) -> Self {
        Self(format!("schema {id} of subject {}", printable(subject)))
    }

    pub(crate) fn id(id: SchemaId) -> Self {
        Self(format!("schema {id}"))
    }

    pub(crate) fn of_type<T: ?Sized>() -> Self {
        Self(format!("the schema of type {}", std::any::type_name::<T>()))
    }
}

#[cfg(feature = "registry")]
impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error of a codec, which does not know ids and subjects. It leaves this crate only through this trait,
/// which escapes text from payloads and schemas.
#[cfg(feature = "registry")]
pub(crate) trait CodecError: Sized {
    /// Converts the error to one about the schema with this name.
    fn of(self, schema: SchemaName) -> SchemaError;
}

#[cfg(feature = "avro")]
impl CodecError for crate::avro::AvroError {
    fn of(mut self, schema: SchemaName) -> SchemaError {
        self.escape();
        SchemaError::Avro {
            schema,
            source: self,
        }
    }
}

#[cfg(feature = "protobuf")]
impl CodecError for crate::protobuf::ProtobufError {
    fn of(mut self, schema: SchemaName) -> SchemaError {
        self.escape();
        SchemaError::Protobuf {
            schema,
            source: self,
        }
    }
}

#[cfg(feature = "json-schema")]
impl CodecError for crate::json_schema::JsonSchemaError {
    fn of(self, schema: SchemaName) -> SchemaError {
        // Already escaped where it is created, because its text comes from another crate's errors.
        SchemaError::JsonSchema {
            schema,
            source: self,
        }
    }
}
