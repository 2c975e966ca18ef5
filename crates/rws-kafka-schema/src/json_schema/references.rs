use super::error::JsonSchemaError;
use crate::schema::Resolved;
use jsonschema::{Retrieve, Uri};
use serde_json::Value;
use std::error::Error;

/// The schemas that others refer to, by the name in their `$ref`.
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

    /// Finds a schema by the exact URI, or by a relative one's end, because `uri` is already absolute here.
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

/// Parses a schema's JSON; `name` is empty for the schema that is compiled.
pub(super) fn parsed(text: &str, name: &str) -> Result<Value, JsonSchemaError> {
    serde_json::from_str(text).map_err(|error| JsonSchemaError::no_json(name, &error))
}

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.find(uri.as_str())
            .cloned()
            .ok_or_else(|| "no reference has this name, and schemas are never fetched".into())
    }
}
