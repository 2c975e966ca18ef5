use crate::outside::escape;
use std::fmt;

/// The error of using an Avro schema, of writing a value, or of reading a payload.
///
/// A path is the place in the value, such as `lines[2].price`. It is empty for the value itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AvroError {
    /// The text is not an Avro schema, or refers to a type that does not exist.
    #[error("invalid Avro schema{}: {detail}", place(.path))]
    Schema {
        /// The place in the schema, such as `Order.lines`.
        path: String,
        /// What is wrong there.
        detail: String,
    },

    /// The value does not fit the schema with which it is to be written.
    #[error("the value does not fit the Avro schema{}: {detail}", place(.path))]
    Value {
        /// The place in the value.
        path: String,
        /// What was found, and what the schema has there.
        detail: String,
    },

    /// A number is out of range for the schema, or for the type that is read.
    #[error("the number {found} is out of range{}; allowed: {allowed}", place(.path))]
    Range {
        /// The place in the value.
        path: String,
        /// The number.
        found: String,
        /// The allowed range.
        allowed: String,
    },

    /// The payload ends before the value does.
    #[error("the payload ends at byte {position}, before the end of the value{}", place(.path))]
    EndsEarly {
        /// The place in the value.
        path: String,
        /// The length of the payload, in bytes.
        position: usize,
    },

    /// Bytes follow the value: it was written with another schema, or is damaged.
    #[error("{count} bytes follow the value, which ends at byte {position}")]
    LeftOver {
        /// The position of the first of them, from 0.
        position: usize,
        /// The number of bytes.
        count: usize,
    },

    /// The payload does not match its schema.
    #[error(
        "the payload does not match its schema, before byte {position}{}: {detail}",
        place(.path)
    )]
    Payload {
        /// The place in the value.
        path: String,
        /// The number of bytes read so far.
        position: usize,
        /// What was found, and what is allowed.
        detail: String,
    },

    /// The payload contains a value that the requested type does not accept.
    #[error("the payload does not fit the requested type{}: {detail}", place(.path))]
    Mismatch {
        /// The place in the value.
        path: String,
        /// What was found and what was requested, in serde's words if they come from serde.
        detail: String,
    },

    /// Values of the writer's schema cannot be read with the reader's schema.
    #[error(
        "values of the writer's schema cannot be read with the reader's schema{}: {detail}",
        place(.path)
    )]
    Unresolvable {
        /// The place in the schemas, such as `lines[].price`.
        path: String,
        /// What the two schemas have there.
        detail: String,
    },
}

impl AvroError {
    /// Escapes paths and details, which may contain names and symbols of a payload or of a registry's schema.
    pub(crate) fn escape(&mut self) {
        match self {
            Self::Schema { path, detail }
            | Self::Value { path, detail }
            | Self::Payload { path, detail, .. }
            | Self::Mismatch { path, detail }
            | Self::Unresolvable { path, detail } => escape([path, detail]),
            Self::Range {
                path,
                found,
                allowed,
            } => escape([path, found, allowed]),
            Self::EndsEarly { path, .. } => escape([path]),
            Self::LeftOver { .. } => {}
        }
    }
}

impl fmt::Debug for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" in {path}")
    }
}

pub(super) fn schema(path: impl Into<String>, detail: impl Into<String>) -> AvroError {
    AvroError::Schema {
        path: path.into(),
        detail: detail.into(),
    }
}

/// An error with the path collected so far. It is one word long, because every result of the hot path
/// contains it.
#[derive(Debug)]
pub(super) struct Fail(Box<(AvroError, String)>);

pub(super) type Outcome<T> = Result<T, Fail>;

impl Fail {
    #[cold]
    pub(super) fn new(error: AvroError) -> Self {
        Self(Box::new((error, String::new())))
    }

    #[cold]
    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::new(AvroError::Value {
            path: String::new(),
            detail: detail.into(),
        })
    }

    #[cold]
    pub(super) fn mismatch(detail: impl Into<String>) -> Self {
        Self::new(AvroError::Mismatch {
            path: String::new(),
            detail: detail.into(),
        })
    }

    #[cold]
    pub(super) fn payload(position: usize, detail: impl Into<String>) -> Self {
        Self::new(AvroError::Payload {
            path: String::new(),
            position,
            detail: detail.into(),
        })
    }

    #[cold]
    pub(super) fn range(found: impl ToString, allowed: impl Into<String>) -> Self {
        Self::new(AvroError::Range {
            path: String::new(),
            found: found.to_string(),
            allowed: allowed.into(),
        })
    }

    /// Adds that the map's fields chose this branch of a union.
    #[cold]
    pub(super) fn of_branch(mut self, record: &str) -> Self {
        if let AvroError::Value { detail, .. } = &mut self.0.0 {
            detail.push_str(&format!(
                " (as record {record}, chosen from the union by its fields)"
            ));
        }
        self
    }

    /// Adds this field of a record or key of a map to the path.
    #[cold]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        let path = &mut self.0.1;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, name);
        self
    }

    /// Adds this item of an array, counted from 0, to the path.
    #[cold]
    pub(super) fn in_item(mut self, index: u64) -> Self {
        let path = &mut self.0.1;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, &format!("[{index}]"));
        self
    }
}

impl From<Fail> for AvroError {
    fn from(fail: Fail) -> Self {
        let (mut error, place) = *fail.0;
        match &mut error {
            AvroError::Value { path, .. }
            | AvroError::Range { path, .. }
            | AvroError::EndsEarly { path, .. }
            | AvroError::Payload { path, .. }
            | AvroError::Mismatch { path, .. } => *path = place,
            // These already have the path in the schemas.
            AvroError::Schema { .. }
            | AvroError::LeftOver { .. }
            | AvroError::Unresolvable { .. } => {}
        }
        error
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}

impl std::error::Error for Fail {}

impl serde::ser::Error for Fail {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::value(words.to_string())
    }
}

impl serde::de::Error for Fail {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::mismatch(words.to_string())
    }
}
