//! The protocol of [Confluent's registry](https://docs.confluent.io/platform/current/schema-registry/develop/api.html),
//! which Apicurio, Karapace and Redpanda speak too.

mod addresses;
mod messages;

use super::auth::Auth;
use super::backend::{Backend, Found, Stored};
use super::error::RegistryError;
use super::headers::Headers;
use super::http::{Answer, Call, Http};
use super::id::SchemaId;
use super::url::without_credentials;
use crate::schema::Schema;
use addresses::{addresses, no_url};
use messages::{About, FoundThere, Read, ReadVersion, Registered, Verdict, Written, refusal};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicUsize, Ordering};
use ureq::http::{HeaderName, HeaderValue, Method};

/// The characters that need no escape in a path (RFC 3986, unreserved).
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A client of one registry, which may have several addresses.
#[derive(Debug)]
pub(crate) struct Confluent {
    http: Http,
    /// The addresses, at least one, without a slash at the end.
    urls: Vec<String>,
    /// The index of the address that answered last.
    preferred: AtomicUsize,
    auth: Auth,
    headers: Headers,
}

impl Confluent {
    /// # Errors
    ///
    /// [`RegistryError::Setting`] if `urls` is not a list of URLs, or a header is invalid.
    pub(crate) fn new(
        http: Http,
        urls: &str,
        auth: Auth,
        headers: Headers,
    ) -> Result<Self, RegistryError> {
        let (urls, auth) = addresses(urls, auth)?;
        for (name, value) in &headers.0 {
            let is_header = HeaderName::try_from(name).is_ok()
                && HeaderValue::try_from(value.expose_secret()).is_ok();
            if !is_header {
                return Err(RegistryError::Setting {
                    setting: "header",
                    found: format!("{name:?} has an invalid name or value"),
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

    /// Asks each address in turn, starting with the one that answered last, until one can answer.
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
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret().to_owned()))
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
                Ok(vec!["the registry gave no details".to_owned()])
            }
            Ok(verdict) => Ok(verdict.messages),
            // A first version is compatible with every rule.
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

fn in_path(subject: &str) -> String {
    utf8_percent_encode(subject, IN_PATH).to_string()
}

fn query(normalize: bool) -> &'static str {
    if normalize { "?normalize=true" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_segment_of_a_path() {
        assert_eq!(in_path("a/b c?:ä"), "a%2Fb%20c%3F%3A%C3%A4");
        assert_eq!(in_path("orders.created-value_~"), "orders.created-value_~");
    }
}
