#[cfg(feature = "registry")]
use crate::registry::{RegistryError, SchemaId};
#[cfg(feature = "registry")]
use crate::schema::Format;
use crate::wire::FramingError;
#[cfg(feature = "registry")]
use rws_kafka_observe::text::printable;
use std::fmt;

/// Why a value could not be made a payload, or a payload a value.
#[derive(Clone, thiserror::Error)]
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

    /// The schema registry refused, or could not be asked.
    #[cfg(feature = "registry")]
    #[error(transparent)]
    Registry(#[from] RegistryError),

    /// The payload was written in another format than the one asked for.
    #[cfg(feature = "registry")]
    #[error("schema {id} is {found}; asked for: {asked}")]
    WrongFormat {
        /// The payload's schema.
        id: SchemaId,
        /// What it is written in.
        found: Format,
        /// What was to be read.
        asked: Format,
    },

    /// There is nothing to write the value with: no schema of its type was asked for or is declared,
    /// and its subject has no version yet.
    #[cfg(feature = "registry")]
    #[error(
        "no {format} schema for subject {subject}: the registry at {url} has none; register one, or \
         send a type that has a schema of its own or is declared on the SchemaRegistry"
    )]
    NoSchema {
        /// Where it was looked for.
        url: String,
        /// Under which subject.
        subject: String,
        /// What it was to be written in.
        format: Format,
    },

    /// The subject's name takes the name of a record, and there is none.
    #[cfg(feature = "registry")]
    #[error(
        "the subject name strategy {strategy} needs a record's name for topic {topic}: send a type whose \
         own schema has one, or declare such a schema for the type on the SchemaRegistry"
    )]
    NoRecordName {
        /// The strategy.
        strategy: String,
        /// The topic that the value was for.
        topic: String,
    },

    /// An Avro schema cannot be used, or value and schema do not fit.
    #[cfg(feature = "avro")]
    #[error("Avro with {schema}")]
    Avro {
        /// Which schema.
        schema: SchemaName,
        /// What is wrong.
        source: crate::avro::AvroError,
    },

    /// A Protobuf schema cannot be used, or value and schema do not fit.
    #[cfg(feature = "protobuf")]
    #[error("Protobuf with {schema}")]
    Protobuf {
        /// Which schema.
        schema: SchemaName,
        /// What is wrong.
        source: crate::protobuf::ProtobufError,
    },

    /// A JSON Schema cannot be used, or value and schema do not fit.
    #[cfg(feature = "json-schema")]
    #[error("JSON Schema with {schema}")]
    JsonSchema {
        /// Which schema.
        schema: SchemaName,
        /// What is wrong.
        source: crate::json_schema::JsonSchemaError,
    },
}

impl SchemaError {
    /// Whether it says nothing of the message, so that the same may succeed later; see
    /// [`RegistryError::is_transient`](crate::registry::RegistryError::is_transient).
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

/// A schema in words: by its id, its subject, or the type that it was made of.
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

/// What a codec says, which knows nothing of ids and subjects. Only by way of this does it leave this
/// crate: with text from payloads and schemas escaped.
#[cfg(feature = "registry")]
pub(crate) trait CodecError: Sized {
    /// The same of the schema of this name.
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
        // Its text is escaped where it is made, for it comes from another crate's errors.
        SchemaError::JsonSchema {
            schema,
            source: self,
        }
    }
}
