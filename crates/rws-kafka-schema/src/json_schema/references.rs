use super::error::JsonSchemaError;
use crate::schema::Resolved;
use jsonschema::{Retrieve, Uri};
use serde_json::Value;
use std::error::Error;

/// The schemas that others refer to, by what they are called in a `$ref`.
#[derive(Debug)]
pub(super) struct References(Vec<(String, Value)>);

impl References {
    pub(super) fn new(resolved: &Resolved) -> Result<Self, JsonSchemaError> {
        resolved
            .dependencies
            .iter()
            .map(|dependency| {
                let schema = parsed(&dependency.text, &dependency.name)?;
                let name = dependency.name.trim_end_matches('#');
                let name = name.strip_prefix("./").unwrap_or(name);
                Ok((name.to_owned(), schema))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// By the URI as it is, or by a relative one's end: by now it is absolute.
    fn find(&self, uri: &str) -> Option<&Value> {
        let exact = self.0.iter().find(|(name, _)| name == uri);
        let found = exact.or_else(|| {
            self.0.iter().find(|(name, _)| {
                uri.strip_suffix(name.as_str())
                    .is_some_and(|before| before.ends_with('/') || name.starts_with('/'))
            })
        });
        found.map(|(_, schema)| schema)
    }
}

/// The JSON of a schema; `name` is empty for the one that is compiled.
pub(super) fn parsed(text: &str, name: &str) -> Result<Value, JsonSchemaError> {
    serde_json::from_str(text).map_err(|error| JsonSchemaError::no_json(name, &error))
}

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.find(uri.as_str())
            .cloned()
            .ok_or_else(|| "no reference has this name, and none is fetched".into())
    }
}
