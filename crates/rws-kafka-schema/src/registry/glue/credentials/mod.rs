//! Finds the credentials that requests to AWS are signed with.

mod cache;
mod chain;
mod environment;
mod ini;
mod metadata;
mod process;
mod profile;
mod sts;
#[cfg(test)]
mod tests;

pub(super) use cache::Cache;
pub(super) use chain::Chain;
pub(crate) use environment::Environment;

use super::time::parse;
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;
use std::time::SystemTime;

/// An access key, with its session token and expiry if it has them.
#[derive(Clone)]
pub(crate) struct Credentials {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
    expires: Option<SystemTime>,
}

impl Credentials {
    /// Returns credentials without a known expiry.
    pub(crate) fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: Option<String>,
    ) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: SecretString::from(secret_access_key.into()),
            session_token: session_token.map(SecretString::from),
            expires: None,
        }
    }

    fn until(mut self, expires: Option<SystemTime>) -> Self {
        self.expires = expires;
        self
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn secret_access_key(&self) -> &SecretString {
        &self.secret_access_key
    }

    pub(super) fn session_token(&self) -> Option<&SecretString> {
        self.session_token.as_ref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Credentials in the form in which containers, instances and processes return them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
    /// 1, in the output of a process.
    version: Option<u32>,
    /// `Success`, in the response of an instance.
    code: Option<String>,
}

impl Document {
    /// Parses `json`. Its errors show nothing of it, because it contains secrets.
    fn read(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("returned invalid JSON credentials, at line {line} column {column}")
        })
    }

    fn credentials(self) -> Result<Credentials, String> {
        let missing = |name| format!("returned no {name}");
        let id = self.access_key_id.filter(|id| !id.is_empty());
        let secret = self.secret_access_key.filter(|secret| !secret.is_empty());
        let expires = match &self.expiration {
            None => None,
            Some(text) => {
                Some(parse(text).ok_or("returned an Expiration that is not an ISO 8601 time")?)
            }
        };
        Ok(Credentials::new(
            id.ok_or_else(|| missing("AccessKeyId"))?,
            secret.ok_or_else(|| missing("SecretAccessKey"))?,
            self.token.filter(|token| !token.is_empty()),
        )
        .until(expires))
    }
}
