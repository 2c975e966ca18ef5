//! The places of AWS's default credentials chain, in their order.

use super::super::super::error::RegistryError;
use super::super::super::http::Http;
use super::{Credentials, Environment};

/// Looks for credentials in variables, with a web identity, in a profile, in the container and on the
/// instance. The first place that is set up decides. If it cannot provide credentials, no other is asked, so
/// that the service does not act under another identity.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(super) environment: Environment,
    /// Sends requests to STS.
    pub(super) http: Http,
    /// The region of STS.
    pub(super) region: String,
}

/// Why a place provided no credentials.
#[derive(Debug)]
pub(super) enum Missing {
    /// It has none; contains what was found instead.
    Nothing(String),
    /// It is set up to provide some, and cannot.
    Broken(String),
    /// It is unreachable or unavailable.
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
    /// [`RegistryError::NoCredentials`] with what was found in each place. If a place that has credentials
    /// does not answer, an error that is worth a retry.
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

/// Adds to `error`, which names the server, what it was asked for.
fn of_place(mut error: RegistryError, place: &str) -> RegistryError {
    if let RegistryError::Unreachable { detail: words, .. }
    | RegistryError::Unavailable { text: words, .. }
    | RegistryError::Answer { detail: words, .. } = &mut error
    {
        *words = format!("while requesting AWS credentials ({place}): {words}");
    }
    error
}

impl Missing {
    /// Converts `Nothing` to `Broken`, because the setting `by` says that there should be credentials.
    pub(super) fn or_broken(self, by: &str) -> Self {
        match self {
            Self::Nothing(found) | Self::Broken(found) => Self::Broken(format!("{by}: {found}")),
            failed @ Self::Failed(_) => failed,
        }
    }
}
