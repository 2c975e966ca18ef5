//! Requests and responses in JSON.

use crate::registry::error::RegistryError;
use crate::registry::http::Answer;
use crate::registry::id::SchemaId;
use crate::schema::{Format, Reference, Schema};
use serde::{Deserialize, Serialize};

const INVALID_SCHEMA: i64 = 42201;

/// What a request is about, for its errors.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    Id(SchemaId),
    Version { subject: &'a str, version: &'a str },
    Schema { subject: &'a str },
    Nothing,
}

impl About<'_> {
    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Version { subject, .. } | Self::Schema { subject } => subject,
            Self::Id(_) | Self::Nothing => "",
        }
    }
}

/// A schema in a request.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    schema: &'a str,
    #[serde(rename = "schemaType", skip_serializing_if = "Option::is_none")]
    schema_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<WrittenReference<'a>>,
}

#[derive(Serialize)]
struct WrittenReference<'a> {
    name: &'a str,
    subject: &'a str,
    version: u32,
}

impl<'a> Written<'a> {
    pub(super) fn of(schema: &'a Schema) -> Self {
        Self {
            schema: schema.text(),
            schema_type: match schema.format() {
                // Old registries know only Avro and have no such field.
                Format::Avro => None,
                Format::Json => Some("JSON"),
                Format::Protobuf => Some("PROTOBUF"),
            },
            references: schema
                .references()
                .iter()
                .map(|reference| WrittenReference {
                    name: reference.name(),
                    subject: reference.subject(),
                    version: reference.version(),
                })
                .collect(),
        }
    }
}

/// A schema in a response.
#[derive(Deserialize)]
pub(super) struct Read {
    schema: String,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    references: Option<Vec<ReadReference>>,
}

#[derive(Deserialize)]
struct ReadReference {
    name: String,
    subject: String,
    version: u32,
}

impl Read {
    pub(super) fn schema(self) -> Result<Schema, RegistryError> {
        let format = match self.schema_type.as_deref() {
            None | Some("AVRO") => Format::Avro,
            Some("JSON") => Format::Json,
            Some("PROTOBUF") => Format::Protobuf,
            Some(other) => {
                return Err(RegistryError::Answer {
                    url: "the registry".to_owned(),
                    detail: format!(
                        "its schema is of type {other:?}; known: AVRO, JSON and PROTOBUF"
                    ),
                });
            }
        };
        let references = self.references.unwrap_or_default();
        Ok(references
            .into_iter()
            .fold(Schema::new(format, self.schema), |schema, reference| {
                schema.with_reference(Reference::new(
                    reference.name,
                    reference.subject,
                    reference.version,
                ))
            }))
    }
}

#[derive(Deserialize)]
pub(super) struct ReadVersion {
    pub(super) id: u32,
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) schema: Read,
}

#[derive(Deserialize)]
pub(super) struct Registered {
    pub(super) id: u32,
}

#[derive(Deserialize)]
pub(super) struct FoundThere {
    pub(super) id: u32,
    pub(super) version: u32,
}

#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) is_compatible: bool,
    #[serde(default)]
    pub(super) messages: Vec<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: Option<i64>,
    message: Option<String>,
}

/// Converts a response with an error status to an error.
pub(super) fn refusal(url: String, about: About<'_>, answer: &Answer) -> RegistryError {
    let status = answer.status.as_u16();
    let (code, text) = match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(refusal) => (refusal.error_code, refusal.message.unwrap_or_default()),
        Err(_) => (None, answer.shown()),
    };
    let subject = about.subject().to_owned();
    match (status, about) {
        (401 | 403, _) => RegistryError::Unauthorized {
            url,
            status,
            code,
            text,
        },
        (408 | 429 | 500.., _) => RegistryError::Unavailable {
            url,
            attempts: 1,
            status,
            code,
            text,
            retry_after: answer.retry_after(),
        },
        // Without a code, the page is missing rather than the schema.
        (404, About::Id(id)) if code.is_some() => RegistryError::UnknownId {
            url,
            id,
            code,
            text,
        },
        (404, About::Version { version, .. }) if code.is_some() => RegistryError::UnknownSubject {
            url,
            subject,
            what: match version {
                "latest" => "version".to_owned(),
                version => format!("version {version}"),
            },
            code,
            text,
        },
        (404, About::Schema { .. }) if code.is_some() => RegistryError::UnknownSubject {
            url,
            subject,
            what: "such schema".to_owned(),
            code,
            text,
        },
        (409, About::Schema { .. }) => RegistryError::Incompatible {
            url,
            subject,
            code,
            text,
        },
        (422, About::Schema { .. }) if code == Some(INVALID_SCHEMA) => {
            RegistryError::InvalidSchema {
                url,
                subject,
                code,
                text,
            }
        }
        _ => RegistryError::Refused {
            url,
            status,
            code,
            text,
        },
    }
}
