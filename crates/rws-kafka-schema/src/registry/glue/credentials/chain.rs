//! The places that AWS's default chain looks in, one after the other.

use super::super::super::error::RegistryError;
use super::super::super::http::Http;
use super::{Credentials, Environment};

/// Looks for credentials in variables, with a web identity, in a profile, in the container and on
/// the instance. The first place that holds any decides: where they cannot be had there, no other is
/// asked, lest the service act as someone else.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(super) environment: Environment,
    /// For STS.
    pub(super) http: Http,
    /// STS's.
    pub(super) region: String,
}

/// Why a place gave no credentials.
#[derive(Debug)]
pub(super) enum Missing {
    /// It holds none; what was found instead.
    Nothing(String),
    /// It is set up to give some, and cannot.
    Broken(String),
    /// It could not be asked, or is not able to answer.
    Failed(RegistryError),
}

type Step = fn(&Chain) -> Result<Credentials, Missing>;

const STEPS: [(&str, Step); 5] = [
    ("environment", Chain::of_variables),
    ("web identity", Chain::of_web_identity),
    ("profile", Chain::of_profiles),
    ("container", Chain::of_container),
    ("instance", Chain::of_instance),
];

impl Chain {
    pub(crate) fn new(environment: Environment, http: Http, region: impl Into<String>) -> Self {
        Self {
            environment,
            http,
            region: region.into(),
        }
    }

    /// # Errors
    ///
    /// [`RegistryError::NoCredentials`] tells each place and what was found there; one of those
    /// worth a retry where a place that holds them does not answer.
    pub(crate) fn find(&self) -> Result<Credentials, RegistryError> {
        let mut looked = Vec::new();
        for (place, step) in STEPS {
            let (found, is_last) = match step(self) {
                Ok(credentials) => return Ok(credentials),
                Err(Missing::Failed(error)) => return Err(of_place(error, place)),
                Err(Missing::Nothing(found)) => (found, false),
                Err(Missing::Broken(found)) => (found, true),
            };
            looked.push(format!("{place}: {found}"));
            if is_last {
                break;
            }
        }
        let detail = looked.join("; ");
        Err(RegistryError::NoCredentials { detail })
    }

    pub(super) fn of_variables(&self) -> Result<Credentials, Missing> {
        let id = self.environment.get("AWS_ACCESS_KEY_ID");
        let secret = self.environment.get("AWS_SECRET_ACCESS_KEY");
        let token = self.environment.get("AWS_SESSION_TOKEN");
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Credentials::new(id.trim(), secret.trim(), token)),
            (None, None) => Err(Missing::Nothing("AWS_ACCESS_KEY_ID is not set".to_owned())),
            (Some(_), None) => Err(Missing::Broken(
                "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not".to_owned(),
            )),
            (None, Some(_)) => Err(Missing::Broken(
                "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not".to_owned(),
            )),
        }
    }
}

/// `error`, which names who was asked, with what for.
fn of_place(mut error: RegistryError, place: &str) -> RegistryError {
    if let RegistryError::Unreachable { detail: words, .. }
    | RegistryError::Unavailable { text: words, .. }
    | RegistryError::Answer { detail: words, .. } = &mut error
    {
        *words = format!("asked for AWS credentials ({place}): {words}");
    }
    error
}

impl Missing {
    /// Where what is missing was pointed at by a setting.
    pub(super) fn or_broken(self, by: &str) -> Self {
        match self {
            Self::Nothing(found) | Self::Broken(found) => Self::Broken(format!("{by}: {found}")),
            failed @ Self::Failed(_) => failed,
        }
    }
}
