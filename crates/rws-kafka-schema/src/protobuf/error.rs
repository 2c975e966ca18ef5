use crate::outside::escape;
use crate::wire::FramingError;

/// Why a Protobuf schema is of no use, or a payload is not what was asked for.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The schema's text is neither a `.proto` file nor a file's descriptor in base64.
    #[error("the Protobuf schema is wrong at line {line} column {column}: {detail}")]
    Schema {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// What is there, and what can be there.
        detail: String,
    },

    /// The schema is the descriptor of a file in base64, and a wrong one.
    #[error("the Protobuf schema's descriptor is wrong: {detail}")]
    Descriptor {
        /// What is wrong.
        detail: String,
    },

    /// The schema has no message of the name that was asked for.
    #[error("the Protobuf schema has no message {asked}; it has {}", Listed(.found, *.more))]
    UnknownMessage {
        /// The full name that was asked for.
        asked: String,
        /// Full names that the schema has, the first 16.
        found: Vec<String>,
        /// How many more there are.
        more: usize,
    },

    /// A payload names a message by its place, and the schema has none there.
    #[error("the payload is of the message at {indexes:?}, where the Protobuf schema has none")]
    UnknownIndexes {
        /// Confluent's indexes, one for each level; for AWS Glue the one index.
        indexes: Vec<i64>,
    },

    /// A payload is of another message than the one that was asked for.
    #[error("the payload is of the message {found}; asked for was {asked}")]
    OtherMessage {
        /// The full name that was asked for.
        asked: String,
        /// The full name of what the payload says it is.
        found: String,
    },

    /// The indexes at the start of a payload are wrong.
    #[error("the payload does not begin with the place of a message")]
    Framing(#[from] FramingError),

    /// The payload is no message of the type that was asked for.
    #[error("the payload is not the {message} that was asked for")]
    Payload {
        /// The full name that was asked for.
        message: String,
        /// prost's words.
        source: prost::DecodeError,
    },
}

impl ProtobufError {
    /// Names and details may hold what is in a registry's schema.
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

/// Names, and how many more there are.
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
