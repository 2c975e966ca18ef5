use super::id::SchemaId;
use crate::outside::escape;
use std::time::Duration;

/// The error of a schema registry: it refused a request, or is unavailable.
///
/// Neither `Display` nor `Debug` shows credentials; URLs are shown without theirs.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A setting of the client is invalid.
    #[error("the schema registry's {setting} {found}; allowed: {allowed}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, without secrets.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },

    /// The registry did not answer: nothing listens, the connection broke, TLS failed, or it took too long.
    #[error("the schema registry at {url} cannot be reached ({attempts} tries): {detail}")]
    Unreachable {
        /// The URL of the last request.
        url: String,
        /// The number of tries; each try asks all URLs.
        attempts: u32,
        /// What went wrong.
        detail: String,
    },

    /// The registry is overloaded or has an internal error: status 408, 429 or 5xx.
    #[error(
        "the schema registry at {url} is unavailable ({attempts} tries): {}",
        Said(*.status, *.code, .text)
    )]
    Unavailable {
        /// The URL of the last request.
        url: String,
        /// The number of tries; each try asks all URLs.
        attempts: u32,
        /// The HTTP status.
        status: u16,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
        /// The wait that the registry asked for.
        retry_after: Option<Duration>,
    },

    /// The credentials are missing, wrong or insufficient: status 401 or 403, or AWS's equivalent.
    #[error(
        "the schema registry at {url} refused the credentials: {}",
        Said(*.status, *.code, .text)
    )]
    Unauthorized {
        /// The URL of the request.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// No credentials for AWS were found.
    #[error("no AWS credentials for the schema registry: {detail}")]
    NoCredentials {
        /// Where they were looked for, and what was found there.
        detail: String,
    },

    /// The registry has no schema with this id.
    #[error("the schema registry at {url} has no schema {id}: {text}")]
    UnknownId {
        /// The URL of the request.
        url: String,
        /// The id.
        id: SchemaId,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// The registry does not have this subject, this version of it, or this schema under it.
    #[error("the schema registry at {url} has no {what} in subject {subject}: {text}")]
    UnknownSubject {
        /// The URL of the request.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// The thing that was looked for: `version 3`, `such schema`.
        what: String,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// The subject's compatibility rule does not allow the schema.
    #[error("the schema is not compatible with subject {subject} ({url}): {text}")]
    Incompatible {
        /// The URL of the request.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// The registry considers the schema invalid.
    #[error(
        "the schema registry at {url} rejects the schema of subject {subject} as invalid: {text}"
    )]
    InvalidSchema {
        /// The URL of the request.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// The registry refused for another cause.
    #[error("the schema registry refused the request to {url}: {}", Said(*.status, *.code, .text))]
    Refused {
        /// The URL of the request.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's error code, if it returned one.
        code: Option<i64>,
        /// The registry's message.
        text: String,
    },

    /// The response does not come from a schema registry: it is a web page, cut short, too large, or lacks
    /// required fields.
    #[error("invalid schema registry response from {url}: {detail}")]
    Answer {
        /// The URL of the request.
        url: String,
        /// What is wrong with the response.
        detail: String,
    },

    /// References are nested too deeply or form a circle.
    #[error("the references of {schema} {detail}")]
    References {
        /// The schema that has them.
        schema: String,
        /// What is wrong with them.
        detail: String,
    },
}

impl RegistryError {
    /// Returns `true` if the error does not come from the message or the schema, so that the same call may
    /// succeed later.
    ///
    /// This is so if the registry could not be reached, could not answer or refused the credentials, if there
    /// were no credentials, if the response did not come from a registry, or if a setting is invalid.
    pub fn is_transient(&self) -> bool {
        self.is_worth_a_retry()
            || matches!(
                self,
                Self::Unauthorized { .. }
                    | Self::NoCredentials { .. }
                    | Self::Answer { .. }
                    | Self::Setting { .. }
            )
    }

    /// Returns `true` if the client itself asks again, within its deadline.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

impl RegistryError {
    /// Escapes text from outside: the registry's messages, URLs and subjects.
    pub(crate) fn escaped(mut self) -> Self {
        match &mut self {
            Self::Setting { found: text, .. } | Self::NoCredentials { detail: text } => {
                escape([text]);
            }
            Self::Unreachable { url, detail, .. } | Self::Answer { url, detail } => {
                escape([url, detail]);
            }
            Self::Unavailable { url, text, .. }
            | Self::Unauthorized { url, text, .. }
            | Self::UnknownId { url, text, .. }
            | Self::Refused { url, text, .. } => escape([url, text]),
            Self::UnknownSubject {
                url,
                subject,
                what,
                text,
                ..
            } => escape([url, subject, what, text]),
            Self::Incompatible {
                url, subject, text, ..
            }
            | Self::InvalidSchema {
                url, subject, text, ..
            } => escape([url, subject, text]),
            Self::References { schema, detail } => escape([schema, detail]),
        }
        self
    }
}

impl std::fmt::Debug for RegistryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

/// The status, code and message of a refusal.
struct Said<'a>(u16, Option<i64>, &'a str);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(status, code, text) = self;
        write!(f, "status {status}")?;
        if let Some(code) = code {
            write!(f, ", code {code}")?;
        }
        if text.is_empty() {
            Ok(())
        } else {
            write!(f, ": {text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_says_forges_no_line() {
        let forged = || "no\nERROR \u{1b}[31mforged".to_owned();
        let error = RegistryError::UnknownSubject {
            url: forged(),
            subject: forged(),
            what: forged(),
            code: None,
            text: forged(),
        };
        let shown = error.escaped().to_string();
        assert!(!shown.contains(['\n', '\u{1b}']), "{shown:?}");
        assert_eq!(
            shown.matches(r"no\nERROR \u{1b}[31mforged").count(),
            4,
            "{shown}"
        );
    }
}
