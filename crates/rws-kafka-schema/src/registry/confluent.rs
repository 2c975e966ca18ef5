//! The protocol of [Confluent's registry](https://docs.confluent.io/platform/current/schema-registry/develop/api.html),
//! which Apicurio, Karapace and Redpanda speak too.

use super::auth::Auth;
use super::backend::{Backend, Found, Stored};
use super::error::RegistryError;
use super::http::{Answer, Call, Http, without_credentials};
use super::id::SchemaId;
use crate::schema::{Format, Reference, Schema};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};
use ureq::http::{HeaderName, HeaderValue, Method};

/// What may stand in a path as it is (RFC 3986, unreserved).
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

const INVALID_SCHEMA: i64 = 42201;

/// A client of one registry, which may have several addresses.
#[derive(Debug)]
pub(crate) struct Confluent {
    http: Http,
    /// Without a slash at the end; at least one.
    urls: Vec<String>,
    /// The one that answered last.
    preferred: AtomicUsize,
    auth: Auth,
    headers: Vec<(String, String)>,
}

impl Confluent {
    /// # Errors
    ///
    /// [`RegistryError::Setting`] for what is no list of URLs, or no header.
    pub(crate) fn new(
        http: Http,
        urls: &str,
        auth: Auth,
        headers: Vec<(String, String)>,
    ) -> Result<Self, RegistryError> {
        let (urls, auth) = addresses(urls, auth)?;
        for (name, value) in &headers {
            let is_header =
                HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
            if !is_header {
                return Err(RegistryError::Setting {
                    setting: "header",
                    found: format!("{name:?} is no header, or its value is none"),
                    allowed: "a name of letters, digits and -, a value of visible ASCII characters",
                });
            }
        }
        Ok(Self {
            http,
            urls,
            preferred: AtomicUsize::new(0),
            auth,
            headers,
        })
    }

    /// Asks each address in turn, from the one that answered last, until one can answer.
    fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, RegistryError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut last = None;
        for turn in 0..self.urls.len() {
            let position = (first + turn) % self.urls.len();
            let url = format!("{}{}", self.urls[position], request.path);
            match self.ask_at(&url, request) {
                Err(error) if error.is_worth_a_retry() => last = Some(error),
                outcome => {
                    self.preferred.store(position, Ordering::Relaxed);
                    return outcome;
                }
            }
        }
        Err(last.unwrap_or_else(no_url))
    }

    fn ask_at<T: DeserializeOwned>(
        &self,
        url: &str,
        request: &Request<'_>,
    ) -> Result<T, RegistryError> {
        let answer = self.exchange(url, request)?;
        let answer = if answer.status.as_u16() == 401 && self.auth.is_renewed() {
            self.exchange(url, request)?
        } else {
            answer
        };
        let shown = without_credentials(url);
        if !answer.status.is_success() {
            return Err(refusal(shown, request.about, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| RegistryError::Answer {
            url: shown,
            detail: format!("{error}: {:?}", answer.shown()),
        })
    }

    fn exchange(&self, url: &str, request: &Request<'_>) -> Result<Answer, RegistryError> {
        let mut headers: Vec<(&str, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        headers.push(("accept", format!("{MEDIA_TYPE}, application/json")));
        if let Some(authorization) = self.auth.header(&self.http)? {
            headers.push(("authorization", authorization));
        }
        if request.body.is_some() {
            headers.push(("content-type", MEDIA_TYPE.to_owned()));
        }
        self.http.exchange(Call {
            method: request.method.clone(),
            url,
            headers,
            body: request.body.clone(),
        })
    }

    fn get<T: DeserializeOwned>(&self, path: String, about: About<'_>) -> Result<T, RegistryError> {
        self.ask(&Request {
            method: Method::GET,
            path,
            body: None,
            about,
        })
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: String,
        schema: &Schema,
        about: About<'_>,
    ) -> Result<T, RegistryError> {
        let body = serde_json::to_vec(&Written::of(schema)).map_err(|error| {
            RegistryError::InvalidSchema {
                url: path.clone(),
                subject: about.subject().to_owned(),
                code: None,
                text: error.to_string(),
            }
        })?;
        self.ask(&Request {
            method: Method::POST,
            path,
            body: Some(body),
            about,
        })
    }
}

impl Backend for Confluent {
    fn by_id(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        let kind = match id {
            SchemaId::Guid(_) => "guids",
            _ => "ids",
        };
        let read: Read = self.get(format!("/schemas/{kind}/{id}"), About::Id(id))?;
        read.schema()
    }

    fn version(&self, subject: &str, version: Option<u32>) -> Result<Stored, RegistryError> {
        let name = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        let path = format!("/subjects/{}/versions/{name}", in_path(subject));
        let about = About::Version {
            subject,
            version: &name,
        };
        let read: ReadVersion = self.get(path, about)?;
        Ok(Stored {
            id: SchemaId::Number(read.id),
            version: read.version,
            schema: read.schema.schema()?,
        })
    }

    fn register(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<SchemaId, RegistryError> {
        let path = format!(
            "/subjects/{}/versions{}",
            in_path(subject),
            query(normalize)
        );
        let registered: Registered = self.post(path, schema, About::Schema { subject })?;
        Ok(SchemaId::Number(registered.id))
    }

    fn find(
        &self,
        subject: &str,
        schema: &Schema,
        normalize: bool,
    ) -> Result<Found, RegistryError> {
        let path = format!("/subjects/{}{}", in_path(subject), query(normalize));
        let found: FoundThere = self.post(path, schema, About::Schema { subject })?;
        Ok(Found {
            id: SchemaId::Number(found.id),
            version: Some(found.version),
        })
    }

    fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        let path = format!(
            "/compatibility/subjects/{}/versions?verbose=true",
            in_path(subject)
        );
        match self.post::<Verdict>(path, schema, About::Schema { subject }) {
            Ok(verdict) if verdict.is_compatible => Ok(Vec::new()),
            Ok(verdict) if verdict.messages.is_empty() => {
                Ok(vec!["the registry says no more than that".to_owned()])
            }
            Ok(verdict) => Ok(verdict.messages),
            // A first version breaks nothing.
            Err(RegistryError::UnknownSubject { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn ping(&self) -> Result<(), RegistryError> {
        self.get::<Vec<String>>("/schemas/types".to_owned(), About::Nothing)
            .map(drop)
    }
}

struct Request<'a> {
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    about: About<'a>,
}

/// What a request is about, for its errors.
#[derive(Clone, Copy)]
enum About<'a> {
    Id(SchemaId),
    Version { subject: &'a str, version: &'a str },
    Schema { subject: &'a str },
    Nothing,
}

impl About<'_> {
    fn subject(&self) -> &str {
        match self {
            Self::Version { subject, .. } | Self::Schema { subject } => subject,
            Self::Id(_) | Self::Nothing => "",
        }
    }
}

/// A schema as requests have it.
#[derive(Serialize)]
struct Written<'a> {
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
    fn of(schema: &'a Schema) -> Self {
        Self {
            schema: schema.text(),
            schema_type: match schema.format() {
                // Registries of old know no other and no field for it.
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

/// A schema as answers have it.
#[derive(Deserialize)]
struct Read {
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
    fn schema(self) -> Result<Schema, RegistryError> {
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
struct ReadVersion {
    id: u32,
    version: u32,
    #[serde(flatten)]
    schema: Read,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct FoundThere {
    id: u32,
    version: u32,
}

#[derive(Deserialize)]
struct Verdict {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: Option<i64>,
    message: Option<String>,
}

fn refusal(url: String, about: About<'_>, answer: &Answer) -> RegistryError {
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
        // A page that is missing is another error than a schema that is.
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

fn in_path(subject: &str) -> String {
    utf8_percent_encode(subject, IN_PATH).to_string()
}

fn query(normalize: bool) -> &'static str {
    if normalize { "?normalize=true" } else { "" }
}

/// The URLs of a comma list, without the credentials that one may hold: those are taken where there
/// are no others.
fn addresses(list: &str, auth: Auth) -> Result<(Vec<String>, Auth), RegistryError> {
    let mut urls = Vec::new();
    let mut auth = auth;
    for url in list.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if !matches!(scheme, "http" | "https") || host.is_empty() || rest.contains(['?', '#']) {
            return Err(RegistryError::Setting {
                setting: "URL",
                found: format!("is {:?}", without_credentials(url)),
                allowed: "http://host:port or https://host:port, with a path or without, separated by commas",
            });
        }
        if let (Auth::None, Some((user, password))) = (&auth, user.split_once(':')) {
            auth = Auth::Basic {
                user: decoded(user),
                password: decoded(password).into(),
            };
        }
        urls.push(format!("{scheme}://{host}{}", path.trim_end_matches('/')));
    }
    if urls.is_empty() {
        return Err(no_url());
    }
    Ok((urls, auth))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn no_url() -> RegistryError {
    RegistryError::Setting {
        setting: "URL",
        found: "is empty".to_owned(),
        allowed: "http://host:port or https://host:port, with a path or without, separated by commas",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_list_gives_its_urls_and_the_credentials_in_it() {
        let (urls, auth) = addresses("https://u:p%40@a:1/x/, http://b", Auth::None).unwrap();
        assert_eq!(urls, ["https://a:1/x", "http://b"]);
        let Auth::Basic { user, password } = auth else {
            panic!("{auth:?}");
        };
        assert_eq!((user.as_str(), password.expose_secret()), ("u", "p@"));
    }

    #[test]
    fn credentials_that_were_set_win_over_those_of_the_url() {
        let token = Auth::Bearer("t".to_owned().into());
        let (urls, auth) = addresses("https://u:p@a", token).unwrap();
        assert_eq!(urls, ["https://a"]);
        assert!(matches!(auth, Auth::Bearer(_)));
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        for list in [
            "",
            " , ",
            "registry:8081",
            "ftp://u:s3cret@host",
            "http://",
            "http://a?x=1",
        ] {
            let error = addresses(list, Auth::None).unwrap_err().to_string();
            assert!(
                error.starts_with("the schema registry's URL is "),
                "{error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_subject_is_one_segment_of_a_path() {
        assert_eq!(in_path("a/b c?:ä"), "a%2Fb%20c%3F%3A%C3%A4");
        assert_eq!(in_path("orders.created-value_~"), "orders.created-value_~");
    }
}
