//! Gets credentials of a container ([ECS, EKS Pod Identity]) and of an instance ([IMDSv2]).
//!
//! [ECS, EKS Pod Identity]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
//! [IMDSv2]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html

use super::super::super::error::RegistryError;
use super::super::super::http::{Answer, Call, Http};
use super::super::super::url::without_credentials;
use super::super::refusal::Refusal;
use super::chain::{Chain, Missing};
use super::environment::read_token;
use super::{Credentials, Document};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use ureq::http::Method;

/// Long enough for a container's agent to ask STS itself.
const CONTAINER_TIMEOUT: Duration = Duration::from_secs(5);
/// Short, because outside EC2 nothing answers at the instance's address, not even with a refusal.
const INSTANCE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the instance is asked for its token.
const INSTANCE_TRIES: u32 = 2;
/// The requested lifetime of the token, in seconds: 6 hours.
const TOKEN_LIFE: &str = "21600";
const INSTANCE: &str = "http://169.254.169.254";
const INSTANCE_V6: &str = "http://[fd00:ec2::254]";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

impl Chain {
    pub(super) fn of_container(&self) -> Result<Credentials, Missing> {
        let relative = self
            .environment
            .get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let url = match (relative, full) {
            (Some(path), _) if path.starts_with('/') => {
                format!("{}{}", self.environment.container(), path.trim())
            }
            (Some(_), _) => {
                return Err(Missing::Broken(
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /".to_owned(),
                ));
            }
            (None, Some(url)) if is_allowed(url.trim()) => url.trim().to_owned(),
            (None, Some(url)) => {
                return Err(Missing::Broken(format!(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is {}; allowed: https, or http to this \
                     machine, 169.254.170.2, 169.254.170.23 or fd00:ec2::23",
                    without_credentials(&url)
                )));
            }
            (None, None) => {
                return Err(Missing::Nothing(
                    "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor …_FULL_URI is set"
                        .to_owned(),
                ));
            }
        };
        let http = Http::direct(CONTAINER_TIMEOUT).map_err(Missing::Failed)?;
        let headers = match self.container_token().map_err(Missing::Broken)? {
            Some(token) => vec![("authorization", token)],
            None => Vec::new(),
        };
        let answer = exchange(&http, Method::GET, &url, headers).map_err(Missing::Failed)?;
        let shown = without_credentials(&url);
        if !answer.status.is_success() {
            return Err(refused(&shown, &answer));
        }
        Document::read(&answer.body)
            .and_then(Document::credentials)
            .map_err(|why| Missing::Broken(format!("{shown} {why}")))
    }

    /// Returns the token, preferably from the file, because its content may change.
    fn container_token(&self) -> Result<Option<String>, String> {
        let token = match self
            .environment
            .get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        {
            Some(file) => Some(read_token(&self.environment.expanded(&file))?),
            None => self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        match token {
            Some(token) if token.contains(['\r', '\n']) => {
                Err("the container's authorization token has more than one line".to_owned())
            }
            token => Ok(token),
        }
    }

    pub(super) fn of_instance(&self) -> Result<Credentials, Missing> {
        if self.environment.is_true("AWS_EC2_METADATA_DISABLED") {
            return Err(Missing::Nothing(
                "AWS_EC2_METADATA_DISABLED is true".to_owned(),
            ));
        }
        let base = self.instance();
        let http = Http::direct(INSTANCE_TIMEOUT).map_err(Missing::Failed)?;
        let token = instance_token(&http, &base)?;
        let get = |path: &str| {
            let headers = vec![("x-aws-ec2-metadata-token", token.clone())];
            let url = format!("{base}{path}");
            let answer = exchange(&http, Method::GET, &url, headers).map_err(Missing::Failed)?;
            Ok::<_, Missing>((url, answer))
        };
        let (url, roles) = get(ROLES)?;
        if roles.status == 404 {
            return Err(Missing::Nothing("the instance has no role".to_owned()));
        }
        if !roles.status.is_success() {
            return Err(refused(&url, &roles));
        }
        let roles = String::from_utf8_lossy(&roles.body);
        let Some(role) = roles.lines().map(str::trim).find(|role| !role.is_empty()) else {
            return Err(Missing::Nothing("the instance has no role".to_owned()));
        };
        if !role
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"/?#%".contains(&byte))
        {
            return Err(Missing::Broken(format!(
                "{url} returned an invalid role name"
            )));
        }
        let (url, answer) = get(&format!("{ROLES}{role}"))?;
        if !answer.status.is_success() {
            return Err(refused(&url, &answer));
        }
        let broken = |why| Missing::Broken(format!("{url} {why}"));
        let document = Document::read(&answer.body).map_err(broken)?;
        if let Some(code) = document.code.as_ref().filter(|code| *code != "Success") {
            return Err(broken(format!("returned code {code}")));
        }
        document.credentials().map_err(broken)
    }

    fn instance(&self) -> String {
        let environment = &self.environment;
        if let Some(url) = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            return url.trim().trim_end_matches('/').to_owned();
        }
        let mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        if mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("ipv6")) {
            return INSTANCE_V6.to_owned();
        }
        INSTANCE.to_owned()
    }
}

/// Returns the session token of IMDSv2, which every other request needs.
fn instance_token(http: &Http, base: &str) -> Result<String, Missing> {
    let url = format!("{base}/latest/api/token");
    let mut tries = 0;
    let answer = loop {
        tries += 1;
        let headers = vec![(
            "x-aws-ec2-metadata-token-ttl-seconds",
            TOKEN_LIFE.to_owned(),
        )];
        match exchange(http, Method::PUT, &url, headers) {
            Ok(answer) => break answer,
            Err(RegistryError::Unreachable { .. }) if tries < INSTANCE_TRIES => {}
            Err(RegistryError::Unreachable { detail, .. }) => {
                return Err(Missing::Nothing(format!(
                    "{base} does not answer ({tries} tries): {detail}"
                )));
            }
            Err(error) => return Err(Missing::Failed(error)),
        }
    };
    if !answer.status.is_success() {
        return Err(refused(&url, &answer));
    }
    let token = String::from_utf8_lossy(&answer.body).trim().to_owned();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Missing::Broken(format!("{url} returned an invalid token")));
    }
    Ok(token)
}

fn exchange(
    http: &Http,
    method: Method,
    url: &str,
    headers: Vec<(&str, String)>,
) -> Result<Answer, RegistryError> {
    // A PUT needs a body, even an empty one.
    let body = (method == Method::PUT).then(Vec::new);
    http.exchange(Call {
        method,
        url,
        headers,
        body,
    })
}

fn refused(url: &str, answer: &Answer) -> Missing {
    let refusal = Refusal::of(answer);
    if refusal.is_unavailable() {
        return Missing::Failed(refusal.into_error(url));
    }
    Missing::Broken(format!(
        "{url} answers status {}: {}",
        refusal.status,
        refusal.shown()
    ))
}

/// Returns `true` if this URL may be asked for credentials: it uses TLS or is on this machine.
fn is_allowed(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains(['@', '\\']) {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback()
                || address == Ipv4Addr::new(169, 254, 170, 2)
                || address == Ipv4Addr::new(169, 254, 170, 23)
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in [
            "https://anywhere.example/x",
            "http://127.0.0.1:80/x",
            "http://127.8.9.1",
            "http://[::1]:8080/x?y",
            "http://localhost/x",
            "http://169.254.170.2/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
        ] {
            assert!(is_allowed(url), "{url}");
        }
        for url in [
            "http://169.254.170.3/x",
            "http://10.0.0.1/x",
            "http://anywhere.example/localhost",
            "http://localhost@anywhere.example/",
            "http://localhost:80@anywhere.example/",
            "http://localhost.anywhere.example/",
            "http://127.0.0.1.anywhere.example/",
            "http://anywhere.example\\@localhost/",
            "http://",
            "ftp://localhost/",
            "localhost",
        ] {
            assert!(!is_allowed(url), "{url}");
        }
    }
}
