//! Gets credentials of a role from AWS's [Security Token Service].
//!
//! [Security Token Service]: https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html

use super::super::super::http::Call;
use super::super::refusal::{Refusal, element};
use super::super::settings::domain;
use super::super::sign::{Scope, encoded, sign};
use super::super::time::parse;
use super::Credentials;
use super::chain::{Chain, Missing};
use super::environment::read_token;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use ureq::http::Method;

/// A role to assume.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role<'a> {
    pub(super) arn: &'a str,
    /// The name of the session in AWS's logs.
    pub(super) session: Option<&'a str>,
    pub(super) external_id: Option<&'a str>,
    /// How long its credentials are valid, in seconds.
    pub(super) duration: Option<&'a str>,
}

impl Chain {
    pub(super) fn of_web_identity(&self) -> Result<Credentials, Missing> {
        let Some(file) = self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Err(Missing::Nothing(
                "AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned(),
            ));
        };
        let Some(arn) = self.environment.get("AWS_ROLE_ARN") else {
            return Err(Missing::Broken(
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not".to_owned(),
            ));
        };
        let session = self.environment.get("AWS_ROLE_SESSION_NAME");
        let role = Role {
            arn: arn.trim(),
            session: session.as_deref(),
            external_id: None,
            duration: None,
        };
        self.assume_with_token(role, &self.environment.expanded(file.trim()))
    }

    /// Assumes `role` with the web identity in `file`, which is read each time.
    pub(super) fn assume_with_token(
        &self,
        role: Role<'_>,
        file: &Path,
    ) -> Result<Credentials, Missing> {
        let token = read_token(file).map_err(Missing::Broken)?;
        let more = [("WebIdentityToken", token.as_str())];
        self.assumed(role, "AssumeRoleWithWebIdentity", &more, None)
    }

    /// Assumes `role` with the credentials `by`.
    pub(super) fn assume(&self, role: Role<'_>, by: &Credentials) -> Result<Credentials, Missing> {
        self.assumed(role, "AssumeRole", &[], Some(by))
    }

    fn assumed(
        &self,
        role: Role<'_>,
        action: &str,
        more: &[(&str, &str)],
        by: Option<&Credentials>,
    ) -> Result<Credentials, Missing> {
        let url = self.environment.endpoint("STS").unwrap_or_else(|| {
            let region = &self.region;
            format!("https://sts.{region}.{}", domain(region))
        });
        let at = SystemTime::now();
        let mut call = Call {
            method: Method::POST,
            url: &url,
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            body: Some(form(role, action, more, at).into_bytes()),
        };
        if let Some(by) = by {
            let scope = Scope {
                region: &self.region,
                service: "sts",
            };
            sign(&mut call, scope, by, at);
        }
        let answer = self.http.exchange(call).map_err(Missing::Failed)?;
        if !answer.status.is_success() {
            let refusal = Refusal::of(&answer);
            if refusal.is_unavailable() {
                return Err(Missing::Failed(refusal.into_error(&url)));
            }
            let why = refusal.shown();
            return Err(Missing::Broken(format!(
                "{url} refuses role {}: status {}: {why}",
                role.arn, refusal.status
            )));
        }
        of_answer(&String::from_utf8_lossy(&answer.body))
            .ok_or_else(|| Missing::Broken(format!("{url} returned no credentials")))
    }
}

fn form(role: Role<'_>, action: &str, more: &[(&str, &str)], at: SystemTime) -> String {
    let millis = at
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let session = format!("rws-kafka-{millis}");
    let mut fields = vec![
        ("Action", action),
        ("Version", "2011-06-15"),
        ("RoleArn", role.arn),
        ("RoleSessionName", role.session.unwrap_or(&session).trim()),
    ];
    fields.extend(role.external_id.map(|id| ("ExternalId", id)));
    fields.extend(role.duration.map(|seconds| ("DurationSeconds", seconds)));
    fields.extend(more);
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value, b"")))
        .collect();
    fields.join("&")
}

fn of_answer(xml: &str) -> Option<Credentials> {
    let xml = element(xml, "Credentials")?;
    let expires = parse(&element(&xml, "Expiration")?)?;
    let credentials = Credentials::new(
        element(&xml, "AccessKeyId")?,
        element(&xml, "SecretAccessKey")?,
        Some(element(&xml, "SessionToken")?),
    );
    Some(credentials.until(Some(expires)))
}
