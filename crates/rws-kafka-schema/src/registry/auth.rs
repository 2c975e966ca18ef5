//! Authenticates the client at a registry.

use super::error::RegistryError;
use super::http::{Call, Http};
use super::url::without_credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::Method;

/// A token is renewed after this share of its lifetime, so that it does not expire on the way.
const RENEWED_AT: f64 = 0.8;
/// The assumed lifetime of a token if the server does not state it.
const UNTOLD_LIFE: Duration = Duration::from_secs(60);

/// How the client authenticates at a Confluent registry.
#[derive(Clone, Debug, Default)]
pub(crate) enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
    OAuth(OAuth),
}

impl Auth {
    /// Returns the `Authorization` header.
    pub(crate) fn header(&self, http: &Http) -> Result<Option<String>, RegistryError> {
        match self {
            Self::None => Ok(None),
            Self::Basic { user, password } => Ok(Some(basic(user, password))),
            Self::Bearer(token) => Ok(Some(bearer(token))),
            Self::OAuth(oauth) => oauth.token(http).map(|token| Some(bearer(&token))),
        }
    }

    /// Drops a refused token. Returns `true` if another try with a new token is worth it.
    pub(crate) fn is_renewed(&self) -> bool {
        match self {
            Self::OAuth(oauth) => oauth.forget(),
            _ => false,
        }
    }
}

fn basic(user: &str, password: &SecretString) -> String {
    let pair = format!("{user}:{}", password.expose_secret());
    format!("Basic {}", STANDARD.encode(pair))
}

fn bearer(token: &SecretString) -> String {
    format!("Bearer {}", token.expose_secret())
}

/// Authenticates with OAuth 2.0's client credentials grant ([RFC 6749, section 4.4]).
///
/// Tokens are fetched, cached, and renewed before they expire.
///
/// ```
/// use rws_kafka_schema::registry::{OAuth, SchemaRegistry};
///
/// let registry = SchemaRegistry::confluent("https://schema-registry:8081").with_oauth(
///     OAuth::client_credentials("https://login.example.org/token", "orders", "s3cret")
///         .scope("schemas.read schemas.write"),
/// );
/// assert!(!format!("{registry:?}").contains("s3cret"));
/// ```
///
/// [RFC 6749, section 4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
#[derive(Clone)]
pub struct OAuth {
    token_url: String,
    client_id: String,
    client_secret: SecretString,
    scope: Option<String>,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    token: Mutex<Option<Token>>,
    /// Held while a token is fetched.
    fetching: Mutex<()>,
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    renew: Instant,
    expires: Instant,
}

impl OAuth {
    /// Fetches tokens from `token_url` for this client, which authenticates there with HTTP Basic.
    pub fn client_credentials(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Self {
        Self {
            token_url: token_url.into(),
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            scope: None,
            kept: Arc::default(),
        }
    }

    /// Sets the scope of the tokens: names separated by spaces.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        // A cached token has the old scope.
        self.kept = Arc::default();
        self
    }

    fn token(&self, http: &Http) -> Result<SecretString, RegistryError> {
        let now = Instant::now();
        let kept = self.kept.token.lock().clone();
        match kept {
            Some(token) if now < token.renew => return Ok(token.text),
            Some(token) if now < token.expires => {
                // One thread renews it. The others keep using the old one, and so does that thread if it
                // cannot renew it.
                let Some(_fetching) = self.kept.fetching.try_lock() else {
                    return Ok(token.text);
                };
                return Ok(self.fetch(http).map_or(token.text, |token| token.text));
            }
            _ => {}
        }
        let _fetching = self.kept.fetching.lock();
        let fetched = self.kept.token.lock().clone();
        match fetched {
            Some(token) if Instant::now() < token.expires => Ok(token.text),
            _ => self.fetch(http).map(|token| token.text),
        }
    }

    /// Drops the token. Returns `true` if there was one.
    fn forget(&self) -> bool {
        self.kept.token.lock().take().is_some()
    }

    fn fetch(&self, http: &Http) -> Result<Token, RegistryError> {
        let asked = Instant::now();
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form = format!("{form}&scope={}", encoded(scope));
        }
        // RFC 6749, section 2.3.1: encode both parts before joining them.
        let secret = SecretString::from(encoded(self.client_secret.expose_secret()));
        let answer = http.exchange(Call {
            method: Method::POST,
            url: &self.token_url,
            headers: vec![
                ("authorization", basic(&encoded(&self.client_id), &secret)),
                (
                    "content-type",
                    "application/x-www-form-urlencoded".to_owned(),
                ),
                ("accept", "application/json".to_owned()),
            ],
            body: Some(form.into_bytes()),
        })?;
        let url = without_credentials(&self.token_url);
        if !answer.status.is_success() {
            let status = answer.status.as_u16();
            let text = format!("no token for client {}: {}", self.client_id, answer.shown());
            return Err(match status {
                408 | 429 | 500.. => RegistryError::Unavailable {
                    url,
                    attempts: 1,
                    status,
                    code: None,
                    text,
                    retry_after: answer.retry_after(),
                },
                _ => RegistryError::Unauthorized {
                    url,
                    status,
                    code: None,
                    text,
                },
            });
        }
        // Without serde's message, which could repeat the token.
        let granted: Granted =
            serde_json::from_slice(&answer.body).map_err(|_| RegistryError::Answer {
                url,
                detail: "it is not JSON with an access_token".to_owned(),
            })?;
        let life = granted.expires_in.map_or(UNTOLD_LIFE, Duration::from_secs);
        let token = Token {
            text: SecretString::from(granted.access_token),
            renew: asked + life.mul_f64(RENEWED_AT),
            expires: asked + life,
        };
        *self.kept.token.lock() = Some(token.clone());
        Ok(token)
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("token_url", &without_credentials(&self.token_url))
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
