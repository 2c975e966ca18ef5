//! Sends one request to a server, with limits on time and size.

use super::error::RegistryError;
use super::redirect;
use super::tls::RegistryTls;
use super::url::without_credentials;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::text::printable;
use std::time::{Duration, Instant};
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode};
use ureq::typestate::AgentScope;
use ureq::{Agent, AsSendBody, Body};

/// The maximum size of a response, in bytes. Registries refuse much smaller schemas.
const LARGEST_ANSWER: u64 = 4 << 20;
/// The most characters of a body that an error repeats, if the body is not a registry's error.
const SHOWN: usize = 200;

/// Sends requests to one server at a time.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
    timeout: Duration,
    redirects: Redirects,
}

/// Whether redirects are followed; otherwise the redirect is returned as the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redirects {
    Followed,
    Refused,
}

/// A request. It has no `Debug`, because its headers may be secrets.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// A response with any status. It has no `Debug`, because it may contain a token.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Creates a client; `timeout` limits one exchange from name resolution to the last byte.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Setting`] if a file of `tls` cannot be used.
    pub(crate) fn new(timeout: Duration, tls: &RegistryTls) -> Result<Self, RegistryError> {
        Ok(Self {
            agent: config(timeout, tls)?.build().into(),
            timeout,
            redirects: Redirects::Followed,
        })
    }

    /// Creates a client for signed requests. It does not follow redirects, because a signature is valid for
    /// one address only.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    #[cfg(feature = "glue")]
    pub(crate) fn for_signed(timeout: Duration, tls: &RegistryTls) -> Result<Self, RegistryError> {
        Ok(Self {
            redirects: Redirects::Refused,
            ..Self::new(timeout, tls)?
        })
    }

    /// Creates a client that asks the server itself: it uses no proxy and follows no redirects.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    #[cfg(feature = "glue")]
    pub(crate) fn direct(timeout: Duration) -> Result<Self, RegistryError> {
        let config = config(timeout, &RegistryTls::new())?.proxy(None).build();
        Ok(Self {
            agent: config.into(),
            timeout,
            redirects: Redirects::Refused,
        })
    }

    /// Sends `call` and returns the response, whatever its status. Redirects are followed if this client does
    /// so; the timeout then covers all requests together.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unreachable`], [`RegistryError::Answer`] if the response is invalid, and
    /// [`RegistryError::Setting`] if the request cannot be sent.
    pub(crate) fn exchange(&self, call: Call<'_>) -> Result<Answer, RegistryError> {
        let start = Instant::now();
        let has_body = call.body.is_some();
        let mut url = call.url.to_owned();
        let mut headers = call.headers;
        let mut answer = self.send(&call.method, &url, &headers, call.body, self.timeout)?;
        for followed in 0.. {
            if self.redirects == Redirects::Refused || !redirect::is_one(answer.status) {
                break;
            }
            let refused = |why: String| RegistryError::Answer {
                url: without_credentials(&url),
                detail: why,
            };
            if has_body {
                return Err(refused("it redirects a request that has a body".to_owned()));
            }
            if followed == redirect::MOST {
                return Err(refused(format!("it redirects more than {followed} times")));
            }
            let next = redirect::next(&url, &answer.headers).map_err(refused)?;
            if next.is_other_origin {
                redirect::drop_secrets(&mut headers);
            }
            url = next.url;
            let left = self.timeout.saturating_sub(start.elapsed());
            answer = self.send(&call.method, &url, &headers, None, left)?;
        }
        Ok(answer)
    }

    fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, String)],
        body: Option<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Answer, RegistryError> {
        let shown = without_credentials(url);
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let sent = match body {
            Some(body) => request.body(body).map(|request| self.run(request, timeout)),
            None => request.body(()).map(|request| self.run(request, timeout)),
        };
        let mut response = sent
            // Without the error's message, which could repeat a header's value.
            .map_err(|_| RegistryError::Setting {
                setting: "URL or credentials",
                found: format!("cannot be sent to {shown}"),
                allowed: "an http or https URL, and credentials of visible characters",
            })?
            .map_err(|error| failed(&shown, error))?;
        let body = response
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_vec()
            .map_err(|error| failed(&shown, error))?;
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }
}

impl Http {
    fn run<B: AsSendBody>(
        &self,
        request: Request<B>,
        timeout: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.configure_request(request);
        self.agent
            .run(request.timeout_global(Some(timeout)).build())
    }
}

fn config(
    timeout: Duration,
    tls: &RegistryTls,
) -> Result<ConfigBuilder<AgentScope>, RegistryError> {
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        // `exchange` follows redirects itself, because not all headers may be sent there.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .tls_config(tls.config()?)
        .user_agent(concat!("rws-kafka/", env!("CARGO_PKG_VERSION"))))
}

impl Answer {
    /// Returns the seconds of `Retry-After`. Registries do not use its other form, a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get("retry-after")?.to_str().ok()?;
        value.trim().parse().ok().map(Duration::from_secs)
    }

    /// Returns the start of the body on one line, for an error.
    pub(crate) fn shown(&self) -> String {
        shown(&self.body)
    }
}

/// Returns the start of `body` on one line, for an error.
pub(crate) fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let line = match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    };
    printable(&line).into_owned()
}

fn failed(url: &str, error: ureq::Error) -> RegistryError {
    let url = url.to_owned();
    let answer = |detail: String| RegistryError::Answer {
        url: url.clone(),
        detail,
    };
    match error {
        ureq::Error::BodyExceedsLimit(limit) => {
            answer(format!("it is larger than the {limit} bytes allowed"))
        }
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) | ureq::Error::Http(_) => {
            RegistryError::Setting {
                setting: "URL",
                found: format!("{url} is invalid"),
                allowed: "http://host:port/path or https://host:port/path",
            }
        }
        error => RegistryError::Unreachable {
            url,
            attempts: 1,
            detail: with_causes(&error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_shown_in_part_and_on_one_line() {
        assert_eq!(shown(b"<html>\n  <p>no</p>"), "<html> <p>no</p>");
        let long = shown("ä".repeat(1_000).as_bytes());
        assert_eq!(long.chars().count(), SHOWN + 1);
    }
}
