use crate::outside::escape;
use crate::wire::FramingError;

/// The error of using a Protobuf schema, or of decoding a payload with it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The schema's text is neither a `.proto` file nor a file's descriptor in base64.
    #[error("the Protobuf schema is invalid at line {line} column {column}: {detail}")]
    Schema {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1, in bytes.
        column: usize,
        /// What was found there, and what is allowed.
        detail: String,
    },

    /// The schema is a file's descriptor in base64, and is invalid.
    #[error("the Protobuf schema's descriptor is invalid: {detail}")]
    Descriptor {
        /// What is wrong.
        detail: String,
    },

    /// The schema has no message with the requested name.
    #[error("the Protobuf schema has no message {asked}; it has {}", Listed(.found, *.more))]
    UnknownMessage {
        /// The requested full name.
        asked: String,
        /// The first 16 full names in the schema.
        found: Vec<String>,
        /// The number of names that are not listed.
        more: usize,
    },

    /// The payload names a place in the schema that has no message.
    #[error("the payload names the message at {indexes:?}, but the Protobuf schema has none there")]
    UnknownIndexes {
        /// Confluent's indexes, one for each level; with AWS Glue, the single index.
        indexes: Vec<i64>,
    },

    /// The payload is another message than the requested one.
    #[error("the payload is the message {found}; expected {asked}")]
    OtherMessage {
        /// The requested full name.
        asked: String,
        /// The full name of the payload's message.
        found: String,
    },

    /// The indexes at the start of a payload are invalid.
    #[error("the payload does not start with valid message indexes")]
    Framing(#[from] FramingError),

    /// The payload cannot be decoded as the requested type.
    #[error("the payload cannot be decoded as {message}")]
    Payload {
        /// The requested full name.
        message: String,
        /// The error of prost.
        source: prost::DecodeError,
    },
}

impl ProtobufError {
    /// Escapes names and details, which may contain text from a registry's schema.
    pub(crate) fn escape(&mut self) {
        match self {
            Self::Schema { detail, .. } | Self::Descriptor { detail } => escape([detail]),
            Self::UnknownMessage { asked, found, .. } => {
                escape([asked]);
                escape(found);
            }
            Self::OtherMessage { asked, found } => escape([asked, found]),
            Self::Payload { message, .. } => escape([message]),
            Self::UnknownIndexes { .. } | Self::Framing(_) => {}
        }
    }
}

impl std::fmt::Debug for ProtobufError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

/// Lists names, and how many more there are.
struct Listed<'a>(&'a [String], usize);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(names, more) = self;
        if names.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&names.join(", "))?;
        if *more > 0 {
            write!(f, " and {more} more")?;
        }
        Ok(())
    }
}
