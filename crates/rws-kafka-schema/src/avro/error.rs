use crate::outside::escape;
use std::fmt;

/// Why an Avro schema cannot be used, a value not be written, or a payload not be read.
///
/// A path tells where in the value, such as `lines[2].price`; it is empty for the value itself.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AvroError {
    /// The text is no Avro schema, or one that refers to what is not there.
    #[error("not an Avro schema{}: {detail}", place(.path))]
    Schema {
        /// Where in the schema, such as `Order.lines`.
        path: String,
        /// What is wrong there.
        detail: String,
    },

    /// The value is not of the schema that it is to be written with.
    #[error("the value does not fit the Avro schema{}: {detail}", place(.path))]
    Value {
        /// Where in the value.
        path: String,
        /// What was found, and what the schema has there.
        detail: String,
    },

    /// A number is too large or too small for the schema, or for the type that is read.
    #[error("the number {found} is out of range{}; allowed: {allowed}", place(.path))]
    Range {
        /// Where in the value.
        path: String,
        /// The number.
        found: String,
        /// What it may be.
        allowed: String,
    },

    /// The payload ends before the value does.
    #[error("the payload ends at byte {position}, within the value{}", place(.path))]
    EndsEarly {
        /// Where in the value.
        path: String,
        /// How many bytes there are.
        position: usize,
    },

    /// Bytes follow the value: it was written with another schema, or damaged.
    #[error("{count} bytes follow the value, which ends at byte {position}")]
    LeftOver {
        /// Where they begin, from 0.
        position: usize,
        /// How many there are.
        count: usize,
    },

    /// The payload is not what its schema says.
    #[error("the payload is not of its schema, before byte {position}{}: {detail}", place(.path))]
    Payload {
        /// Where in the value.
        path: String,
        /// How far it was read, in bytes.
        position: usize,
        /// What was found, and what is allowed.
        detail: String,
    },

    /// What the payload holds is not what the type that was asked for takes.
    #[error("the payload holds no such value as was asked for{}: {detail}", place(.path))]
    Mismatch {
        /// Where in the value.
        path: String,
        /// What was found and what was wanted, in serde's words where they are.
        detail: String,
    },

    /// What the writer's schema says cannot be read by the reader's.
    #[error("what was written by one schema cannot be read by the other{}: {detail}", place(.path))]
    Unresolvable {
        /// Where in the schemas, such as `lines[].price`.
        path: String,
        /// What the two have there.
        detail: String,
    },
}

impl AvroError {
    /// Paths and details may hold names and symbols of a payload or of a registry's schema.
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

/// An error on its way out of a value, one word long: it is in every result of the hot path.
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

    /// The same, of the branch of a union that was chosen by a map's fields.
    #[cold]
    pub(super) fn of_branch(mut self, record: &str) -> Self {
        if let AvroError::Value { detail, .. } = &mut self.0.0 {
            detail.push_str(&format!(
                " (as record {record}, of the union's by its fields)"
            ));
        }
        self
    }

    /// The same, within this field of a record or key of a map.
    #[cold]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        let path = &mut self.0.1;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, name);
        self
    }

    /// The same, within this item of an array, counted from 0.
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
            // Has the path of the schemas already.
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
