//! HTTP for a test's own questions, by a client that shares no code with ours: `curl`.

use std::path::Path;

use serde_json::Value;

use crate::program::{DEADLINE, run_program};

/// A request that is not sent yet.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct HttpRequest {
    shown: String,
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// What a server answered, whatever it thinks of the request.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// Its status: 200 when all went well.
    pub status: u16,
    /// Its body.
    pub body: String,
    shown: String,
}

impl HttpRequest {
    /// Creates a request with this method (`GET`, …), without headers and body.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            shown: format!("{method} {url}"),
            arguments: ["--request", method, url].map(str::to_owned).into(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.argument("--header", &format!("{name}: {value}"))
    }

    /// Logs in with a password.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.argument("--user", &format!("{user}:{password}"))
    }

    /// Signs the request as AWS wants it (SigV4).
    pub fn aws_signature(self, region: &str, service: &str, key: &str, secret: &str) -> Self {
        self.argument("--aws-sigv4", &format!("aws:amz:{region}:{service}"))
            .argument("--user", &format!("{key}:{secret}"))
    }

    /// Trusts the authorities in this PEM file, and no others.
    pub fn ca_file(self, path: &Path) -> Self {
        self.argument("--cacert", &path.display().to_string())
    }

    /// Shows a certificate: two PEM files, as [`Certificates::client`](crate::Certificates::client)
    /// gives them.
    pub fn client_certificate(self, certificate: &Path, key: &Path) -> Self {
        self.argument("--cert", &certificate.display().to_string())
            .argument("--key", &key.display().to_string())
    }

    /// Sends this body.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self = self.header("Content-Type", content_type);
        self.body = body.into();
        self.argument("--data-binary", "@-")
    }

    /// Sends this body as JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Adds a field of a form as the body.
    pub fn field(self, name: &str, value: &str) -> Self {
        self.argument("--data-urlencode", &format!("{name}={value}"))
    }

    /// Puts the fields into the URL's query, not into the body.
    pub fn in_the_url(mut self) -> Self {
        self.arguments.push("--get".to_owned());
        self
    }

    /// Sends it, and waits up to 30 s for the answer.
    ///
    /// # Errors
    ///
    /// What `curl` says when there is no answer: no connection, a refused certificate, …
    ///
    /// # Panics
    ///
    /// Panics if `curl` is not installed.
    #[track_caller]
    pub fn send(self) -> Result<HttpAnswer, String> {
        let seconds = (DEADLINE.as_secs() - 2).to_string();
        let mut arguments = vec!["--silent", "--show-error", "--globoff", "--noproxy", "*"];
        arguments.extend(["--max-time", &seconds, "--write-out", "\n%{http_code}"]);
        arguments.extend(self.arguments.iter().map(String::as_str));
        let (status, output, errors) = run_program("curl", &arguments, &self.body);
        if !status.is_some_and(|status| status.success()) {
            return Err(format!("{}: {}", self.shown, errors.trim()));
        }
        let output = String::from_utf8_lossy(&output);
        let (body, status) = output.rsplit_once('\n').expect("curl writes the status");
        Ok(HttpAnswer {
            status: status.parse().expect("a status is a number"),
            body: body.to_owned(),
            shown: self.shown,
        })
    }

    fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name, value].map(str::to_owned));
        self
    }
}

impl HttpAnswer {
    /// Returns the body, parsed as JSON.
    ///
    /// # Panics
    ///
    /// Panics if it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} returned {}", self.shown, self.body))
    }

    /// Returns the body of a successful response, parsed as JSON.
    ///
    /// # Panics
    ///
    /// Panics if the status is not 200, or the body no JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        let Self {
            status,
            body,
            shown,
        } = self;
        assert_eq!(*status, 200, "{shown} returned {status} {body}");
        self.json()
    }
}
