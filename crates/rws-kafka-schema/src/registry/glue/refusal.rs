//! Reads AWS's error responses.

use super::super::error::RegistryError;
use super::super::http::{Answer, shown};
use std::time::Duration;

/// The most characters of AWS's message that an error repeats.
const SHOWN: usize = 1_000;
/// After this text, signature errors repeat the request with its session token.
const REPEATED: &str = "The Canonical String";

/// Error codes that concern credentials, whatever the status.
const UNAUTHORIZED: [&str; 14] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
/// Those codes that concern credentials that were valid once.
const OLD_CREDENTIALS: [&str; 4] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
];
/// Error codes after which the same request may succeed later, whatever the status.
const UNAVAILABLE: [&str; 12] = [
    "ConcurrentModificationException",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "InternalServiceException",
    "OperationTimeoutException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// An error response of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The code, such as `EntityNotFoundException`; empty if there was none.
    pub(super) code: String,
    /// AWS's message, without secrets.
    pub(super) text: String,
    /// How long AWS asked to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads any of the three forms: JSON with `__type`, the header `x-amzn-errortype`, XML.
    pub(super) fn of(answer: &Answer) -> Self {
        let header = answer.headers.get("x-amzn-errortype");
        let header = header.and_then(|value| value.to_str().ok());
        let (code, text) = words(&answer.body);
        let code = code
            .or_else(|| header.map(str::to_owned))
            .unwrap_or_default();
        Self {
            status: answer.status.as_u16(),
            code: short(&code),
            text: text.map_or_else(|| answer.shown(), |text| said(&text)),
            retry_after: answer.retry_after(),
        }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Returns `true` if the credentials have expired or been replaced, so that their source may have new
    /// ones.
    pub(super) fn is_of_old_credentials(&self) -> bool {
        OLD_CREDENTIALS.contains(&self.code.as_str())
    }

    /// Returns `true` if the same request may succeed later.
    pub(super) fn is_unavailable(&self) -> bool {
        UNAVAILABLE.contains(&self.code.as_str()) || matches!(self.status, 408 | 429 | 500..)
    }

    /// Returns code and message as one text.
    pub(super) fn shown(&self) -> String {
        match (self.code.is_empty(), self.text.is_empty()) {
            (true, _) => self.text.clone(),
            (false, true) => self.code.clone(),
            (false, false) => format!("{}: {}", self.code, self.text),
        }
    }

    /// Returns the error for requests to which the code has no particular meaning.
    pub(super) fn into_error(self, url: &str) -> RegistryError {
        let (url, status, text) = (url.to_owned(), self.status, self.shown());
        if UNAUTHORIZED.contains(&self.code.as_str()) {
            return unauthorized(url, status, text);
        }
        if self.is_unavailable() {
            return RegistryError::Unavailable {
                url,
                attempts: 1,
                status,
                code: None,
                text,
                retry_after: self.retry_after,
            };
        }
        if matches!(status, 401 | 403) {
            return unauthorized(url, status, text);
        }
        RegistryError::Refused {
            url,
            status,
            code: None,
            text,
        }
    }
}

fn unauthorized(url: String, status: u16, text: String) -> RegistryError {
    RegistryError::Unauthorized {
        url,
        status,
        code: None,
        text,
    }
}

/// Returns the code and the message in a body, if it has them.
fn words(body: &[u8]) -> (Option<String>, Option<String>) {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let text = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| json.get(name)?.as_str());
            values.next().map(str::to_owned)
        };
        return (
            text(&["__type", "code", "Code"]),
            text(&["message", "Message", "errorMessage"]),
        );
    }
    let xml = String::from_utf8_lossy(body);
    (element(&xml, "Code"), element(&xml, "Message"))
}

/// Shortens `aws.glue#EntityNotFoundException:http://…` to `EntityNotFoundException`.
fn short(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    shown(code.as_bytes())
}

fn said(text: &str) -> String {
    let text = text.split(REPEATED).next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns the text of the first element with this name and without attributes.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::{HeaderMap, HeaderValue, StatusCode};

    fn refusal(status: u16, header: Option<&'static str>, body: &str) -> Refusal {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(value));
        }
        Refusal::of(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn each_form_of_an_error_is_read() {
        let json = r#"{"__type":"com.amazonaws#EntityNotFoundException","Message":"Schema is not found."}"#;
        let xml = "<ErrorResponse><Error><Code>EntityNotFoundException</Code>\
                   <Message>Schema is not found.</Message></Error></ErrorResponse>";
        for (header, body) in [
            (None, json),
            (None, xml),
            (
                Some("EntityNotFoundException:http://internal.amazon.com/"),
                r#"{"message":"Schema is not found."}"#,
            ),
        ] {
            let refusal = refusal(400, header, body);
            assert_eq!(
                refusal.shown(),
                "EntityNotFoundException: Schema is not found."
            );
        }
        let page = refusal(502, None, "<html>\n<b>Bad Gateway</b></html>");
        assert_eq!(page.shown(), "<html> <b>Bad Gateway</b></html>");
    }

    #[test]
    fn codes_tell_more_than_the_status() {
        let error = |status, code: &str| {
            let body = format!(r#"{{"__type":"{code}","message":"words"}}"#);
            refusal(status, None, &body).into_error("http://glue")
        };
        for code in [
            "AccessDeniedException",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "ExpiredTokenException",
        ] {
            match error(400, code) {
                RegistryError::Unauthorized { text, .. } => {
                    assert_eq!(text, format!("{code}: words"));
                }
                other => panic!("{code}: {other:?}"),
            }
        }
        for (status, code) in [
            (400, "ThrottlingException"),
            (400, "ConcurrentModificationException"),
            (500, "InternalServiceException"),
            (503, "x"),
            (429, "x"),
        ] {
            let error = error(status, code);
            assert!(
                matches!(error, RegistryError::Unavailable { .. }),
                "{code}: {error:?}"
            );
        }
        let error = error(403, "SomethingElse");
        assert!(
            matches!(error, RegistryError::Unauthorized { .. }),
            "{error:?}"
        );
    }

    #[test]
    fn no_request_is_repeated() {
        let body = r#"{"__type":"InvalidSignatureException","message":"It does not match.\n\nThe Canonical String for this request should have been\n'POST\nx-amz-security-token:hidden'"}"#;
        let refusal = refusal(400, None, body);
        assert_eq!(refusal.text, "It does not match.");
    }
}
