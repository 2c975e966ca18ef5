//! Sends requests to Glue: [JSON 1.1] by POST, signed.
//!
//! [JSON 1.1]: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html

use super::super::error::RegistryError;
use super::super::http::{Answer, Call, Http};
use super::credentials::{Cache, Chain, Credentials};
use super::refusal::Refusal;
use super::settings::{GlueCredentials, GlueSettings};
use super::sign::{Scope, sign};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::SystemTime;
use ureq::http::Method;

/// A client of Glue in one region, with one identity.
#[derive(Debug)]
pub(super) struct Client {
    url: String,
    region: String,
    http: Http,
    credentials: Cache,
    /// Whether refused credentials can be replaced by new ones.
    is_renewable: bool,
}

/// Why Glue returned no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// Glue refused the request; the meaning depends on the request.
    Refused(Refusal),
    /// Glue is unavailable, or the response is not Glue's.
    Failed(RegistryError),
}

impl Client {
    /// # Errors
    ///
    /// [`RegistryError::Setting`].
    pub(super) fn new(settings: &GlueSettings, http: Http) -> Result<Self, RegistryError> {
        let url = settings.url()?;
        let region = settings.region.clone();
        let (credentials, is_renewable) = match settings.credentials.clone() {
            GlueCredentials::Given(given) => (Cache::new(move || Ok(given.clone())), false),
            GlueCredentials::Chain(environment) => {
                let chain = Chain::new(environment, http.clone(), region.clone());
                (Cache::new(move || chain.find()), true)
            }
        };
        Ok(Self {
            url,
            region,
            http,
            credentials,
            is_renewable,
        })
    }

    /// Returns Glue's address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the response of `operation` to `body`. If Glue says that the credentials are no longer valid,
    /// looks for new ones and asks once more.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        let mut by = self.credentials.get()?;
        let mut answer = self.exchange(operation, body, &by)?;
        if self.is_renewable
            && !answer.status.is_success()
            && Refusal::of(&answer).is_of_old_credentials()
        {
            by = self.credentials.renewed(&by)?;
            answer = self.exchange(operation, body, &by)?;
        }
        if !answer.status.is_success() {
            return Err(Fault::Refused(without_token(Refusal::of(&answer), &by)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Fault::Failed(RegistryError::Answer {
                url: self.url.clone(),
                detail: format!(
                    "not a valid response to {operation}, at line {line} column {column}: {}",
                    answer.shown()
                ),
            })
        })
    }

    fn exchange(
        &self,
        operation: &str,
        body: &Value,
        by: &Credentials,
    ) -> Result<Answer, RegistryError> {
        let mut call = Call {
            method: Method::POST,
            url: &self.url,
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("AWSGlue.{operation}")),
            ],
            body: Some(body.to_string().into_bytes()),
        };
        let scope = Scope {
            region: &self.region,
            service: "glue",
        };
        sign(&mut call, scope, by, SystemTime::now());
        self.http.exchange(call)
    }
}

impl Fault {
    /// Returns `true` if Glue refused with this code.
    pub(super) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is(code))
    }

    /// Returns the error for requests to which the code has no particular meaning.
    pub(super) fn into_error(self, url: &str) -> RegistryError {
        match self {
            Self::Refused(refusal) => refusal.into_error(url),
            Self::Failed(error) => error,
        }
    }
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        Self::Failed(error)
    }
}

/// Removes the session token, because some servers repeat the request.
fn without_token(mut refusal: Refusal, by: &Credentials) -> Refusal {
    if let Some(token) = by.session_token() {
        refusal.text = refusal.text.replace(token.expose_secret(), "…");
    }
    refusal
}
