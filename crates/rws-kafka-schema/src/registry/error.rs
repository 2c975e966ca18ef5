use super::id::SchemaId;
use crate::outside::escape;
use std::time::Duration;

/// What a schema registry refused, or why it could not be asked.
///
/// No rendering holds credentials; URLs are shown without theirs.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A setting of the client is wrong.
    #[error("the schema registry's {setting} {found}; allowed: {allowed}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it, without secrets.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },

    /// No answer: nothing listens, the connection broke, TLS failed, or it took too long.
    #[error("the schema registry at {url} cannot be reached ({attempts} tries): {detail}")]
    Unreachable {
        /// Where it was asked last.
        url: String,
        /// How often it was asked; each time at all its URLs.
        attempts: u32,
        /// What went wrong.
        detail: String,
    },

    /// It has trouble of its own, or asks for patience: status 408, 429 or 5xx.
    #[error(
        "the schema registry at {url} is not able to answer ({attempts} tries): {}",
        Said(*.status, *.code, .text)
    )]
    Unavailable {
        /// Where it was asked last.
        url: String,
        /// How often it was asked; each time at all its URLs.
        attempts: u32,
        /// HTTP's status.
        status: u16,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },

    /// The credentials are missing, wrong, or do not suffice: status 401 or 403, and AWS's like.
    #[error(
        "the schema registry at {url} refused the credentials: {}",
        Said(*.status, *.code, .text)
    )]
    Unauthorized {
        /// Where it was asked.
        url: String,
        /// HTTP's status.
        status: u16,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// No credentials for AWS were found.
    #[error("no AWS credentials for the schema registry: {detail}")]
    NoCredentials {
        /// Where they were looked for, and what was found there.
        detail: String,
    },

    /// The registry has no schema of this id.
    #[error("the schema registry at {url} has no schema {id}: {text}")]
    UnknownId {
        /// Where it was asked.
        url: String,
        /// The id.
        id: SchemaId,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// The registry does not have this subject, this version of it, or this schema under it.
    #[error("the schema registry at {url} has no {what} in subject {subject}: {text}")]
    UnknownSubject {
        /// Where it was asked.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// What was looked for: `version 3`, `such schema`.
        what: String,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// The subject's compatibility rule refuses the schema.
    #[error("the schema is not compatible with subject {subject} ({url}): {text}")]
    Incompatible {
        /// Where it was asked.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// The registry takes this for no schema.
    #[error(
        "the schema registry at {url} takes the schema of subject {subject} for invalid: {text}"
    )]
    InvalidSchema {
        /// Where it was asked.
        url: String,
        /// The subject; for Glue, the schema's name.
        subject: String,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// It refused for another reason.
    #[error("the schema registry refused {url}: {}", Said(*.status, *.code, .text))]
    Refused {
        /// What was asked.
        url: String,
        /// HTTP's status.
        status: u16,
        /// The registry's code, where it gave one.
        code: Option<i64>,
        /// The registry's words.
        text: String,
    },

    /// What answers is no schema registry: a page, a body cut short, too large, or without what it
    /// must have.
    #[error("the answer of {url} is not one of a schema registry: {detail}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        detail: String,
    },

    /// References lead too deep, or in a circle.
    #[error("the references of {schema} {detail}")]
    References {
        /// Whose they are.
        schema: String,
        /// What is wrong with them.
        detail: String,
    },
}

impl RegistryError {
    /// Whether it says nothing of the message or the schema, so that the same may succeed later: the
    /// registry could not be reached, was not able to answer, or refused the credentials.
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

    /// Whether the client asks again by itself, within its deadline.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}

impl RegistryError {
    /// The same with text from outside escaped: what a registry says, its URLs and subjects.
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

/// Status, code and words of a refusal.
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
