//! The responses of Glue's operations.

use super::super::backend::Stored;
use super::super::id::SchemaId;
use crate::schema::{Format, Schema};
use serde::Deserialize;

/// A version of a schema, with the fields that the operation returns.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    schema_version_id: Option<String>,
    schema_definition: Option<String>,
    data_format: Option<String>,
    version_number: Option<u32>,
    /// `CreateSchema` uses another name, because its `SchemaStatus` is that of the schema.
    #[serde(alias = "SchemaVersionStatus")]
    status: Option<String>,
}

/// The status of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It can be used.
    Available,
    /// Glue is checking it.
    Pending,
    /// The check failed.
    Failure,
    /// It is being deleted, or the status is unknown to this client.
    Other(String),
}

impl Version {
    /// Returns the status. An operation that returns none has nothing to wait for.
    pub(super) fn status(&self) -> Status {
        match self.status.as_deref() {
            None | Some("AVAILABLE") => Status::Available,
            Some("PENDING") => Status::Pending,
            Some("FAILURE") => Status::Failure,
            Some(other) => Status::Other(other.to_owned()),
        }
    }

    pub(super) fn number(&self) -> Result<u32, String> {
        self.version_number.ok_or_else(|| missing("VersionNumber"))
    }

    pub(super) fn id(&self) -> Result<SchemaId, String> {
        let id = self.schema_version_id.as_deref();
        let id = id.ok_or_else(|| missing("SchemaVersionId"))?;
        let id = uuid(id).ok_or("its SchemaVersionId is not a UUID")?;
        Ok(SchemaId::Glue(id))
    }

    pub(super) fn schema(&self) -> Result<Schema, String> {
        let text = self.schema_definition.as_deref();
        let text = text.ok_or_else(|| missing("SchemaDefinition"))?;
        let format = match self.data_format.as_deref() {
            Some("AVRO") => Format::Avro,
            Some("JSON") => Format::Json,
            Some("PROTOBUF") => Format::Protobuf,
            Some(other) => {
                return Err(format!(
                    "its DataFormat is {other:?}; known: AVRO, JSON, PROTOBUF"
                ));
            }
            None => return Err(missing("DataFormat")),
        };
        Ok(Schema::new(format, text))
    }

    pub(super) fn stored(&self) -> Result<Stored, String> {
        Ok(Stored {
            id: self.id()?,
            version: self.number()?,
            schema: self.schema()?,
        })
    }
}

fn missing(name: &str) -> String {
    format!("it has no {name}")
}

/// Returns Glue's name of a format.
pub(super) fn data_format(format: Format) -> &'static str {
    match format {
        Format::Avro => "AVRO",
        Format::Json => "JSON",
        Format::Protobuf => "PROTOBUF",
    }
}

/// Parses a UUID in the form `8-4-4-4-12`.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = groups.concat();
    if lengths != [8, 4, 4, 4, 12] || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

/// The part of the response of `GetSchema` that is used here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Rule {
    pub(super) compatibility: Option<String>,
}

/// The response of `CheckSchemaVersionValidity`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Validity {
    pub(super) valid: Option<bool>,
    pub(super) error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "0e0e0e0e-0e0e-0e0e-0e0e-0e0e0e0e0e0",
            "0e0e0e0e-0e0e-0e0e-0e0e0e-0e0e0e0e0e",
            "+e0e0e0e-0e0e-0e0e-0e0e-0e0e0e0e0e0e",
            "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e",
            "éé0e0e-0e0e-0e0e-0e0e-0e0e0e0e0e0e",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_comes_back(bytes: [u8; 16]) {
            prop_assert_eq!(uuid(&SchemaId::Glue(bytes).to_string()), Some(bytes));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = uuid(&text);
        }
    }
}
