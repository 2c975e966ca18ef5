//! Signs requests to AWS with [Signature Version 4].
//!
//! `aws-sigv4` does the same with 38 more crates, including tokio, and the credentials chain of `aws-config`
//! needs 79. This module needs none, because TLS already uses `ring`.
//!
//! [Signature Version 4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use super::credentials::Credentials;
use super::time::stamp;
use crate::registry::http::Call;
use ring::{digest, hmac};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::SystemTime;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The region and service for which a signature is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Adds the headers that sign `call`, which must not have any of them yet and must have no query.
pub(super) fn sign(call: &mut Call<'_>, scope: Scope<'_>, by: &Credentials, at: SystemTime) {
    let (host, path) = host_and_path(call.url);
    let stamp = stamp(at);
    call.headers.push(("host", host.to_owned()));
    call.headers.push(("x-amz-date", stamp.clone()));
    if let Some(token) = by.session_token() {
        let token = token.expose_secret().to_owned();
        call.headers.push(("x-amz-security-token", token));
    }
    let (signed, request) = canonical(call, path);
    let day = stamp.get(..8).unwrap_or_default();
    let Scope { region, service } = scope;
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "{ALGORITHM}\n{stamp}\n{scope}\n{}",
        sha256(request.as_bytes())
    );
    let secret = format!("AWS4{}", by.secret_access_key().expose_secret());
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    let key_id = by.access_key_id();
    call.headers.push((
        "authorization",
        format!(
            "{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        ),
    ));
}

/// Returns the names of the signed headers, and the canonical request.
fn canonical(call: &Call<'_>, path: &str) -> (String, String) {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &call.headers {
        let words: Vec<&str> = value.split_whitespace().collect();
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&words.join(" "));
            })
            .or_insert_with(|| words.join(" "));
    }
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let signed = names.join(";");
    let mut text = format!("{}\n{}\n\n", call.method, encoded(path, b"/"));
    for (name, value) in &headers {
        let _ = writeln!(text, "{name}:{value}");
    }
    let body = call.body.as_deref().unwrap_or_default();
    let _ = write!(text, "\n{signed}\n{}", sha256(body));
    (signed, text)
}

/// Splits a URL into `localhost:4566` and `/path`; the path is `/` if there is none.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find('/') {
        Some(end) => rest.split_at(end),
        None => (rest, "/"),
    }
}

/// Encodes all bytes of `text` as `%XX`, except letters, digits, `-._~` and the bytes of `kept`.
pub(super) fn encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};
    use ureq::http::Method;

    /// Signs as in AWS's examples, which all use this time, region and service.
    fn signed(mut call: Call<'_>, token: Option<&str>) -> String {
        let by = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
        );
        let scope = Scope {
            region: "us-east-1",
            service: "service",
        };
        let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        sign(&mut call, scope, &by, at);
        let (name, value) = call.headers.pop().unwrap();
        assert_eq!(name, "authorization");
        value
    }

    fn call<'a>(method: Method, path: &'a str, headers: &[(&'a str, &str)]) -> Call<'a> {
        Call {
            method,
            url: path,
            headers: headers
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            body: None,
        }
    }

    #[track_caller]
    fn assert_signed(value: &str, headers: &str, signature: &str) {
        assert_eq!(
            value,
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={headers}, Signature={signature}"
            )
        );
    }

    // From AWS's test suite for Signature Version 4: requests and their signatures.

    #[test]
    fn get_vanilla() {
        assert_signed(
            &signed(
                call(Method::GET, "https://example.amazonaws.com/", &[]),
                None,
            ),
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
    }

    #[test]
    fn post_vanilla() {
        assert_signed(
            &signed(
                call(Method::POST, "https://example.amazonaws.com", &[]),
                None,
            ),
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
    }

    #[test]
    fn get_vanilla_with_session_token() {
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        assert_signed(
            &signed(
                call(Method::GET, "https://example.amazonaws.com/", &[]),
                Some(token),
            ),
            "host;x-amz-date;x-amz-security-token",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        );
    }

    #[test]
    fn get_header_value_trim() {
        let headers = [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
        assert_signed(
            &signed(
                call(Method::GET, "https://example.amazonaws.com/", &headers),
                None,
            ),
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        );
    }

    #[test]
    fn get_header_key_duplicate() {
        let headers = [
            ("My-Header1", "value2"),
            ("My-Header1", "value2"),
            ("My-Header1", "value1"),
        ];
        assert_signed(
            &signed(
                call(Method::GET, "https://example.amazonaws.com/", &headers),
                None,
            ),
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        );
    }

    #[test]
    fn get_utf8() {
        assert_signed(
            &signed(
                call(Method::GET, "https://example.amazonaws.com/ሴ", &[]),
                None,
            ),
            "host;x-amz-date",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        );
    }

    #[test]
    fn post_x_www_form_urlencoded() {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ];
        let mut call = call(Method::POST, "https://example.amazonaws.com/", &headers);
        call.body = Some(b"Param1=value1".to_vec());
        assert_signed(
            &signed(call, None),
            "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        );
    }
}
