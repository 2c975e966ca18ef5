use rws_kafka_observe::text::printable;
use std::fmt;
use std::sync::Arc;

/// The error of serde_json, shared by clones of a [`SchemaError`](crate::SchemaError).
///
/// Its text may contain names from the payload, so it is shown escaped.
#[derive(Clone)]
pub struct Cause(Arc<serde_json::Error>);

impl Cause {
    pub(super) fn new(error: serde_json::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.to_string()))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Returns the place of an error in a value, to append to its message.
pub(crate) fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(", in {path}")
    }
}
