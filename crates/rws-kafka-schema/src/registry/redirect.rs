//! Decides where a redirect leads, and which headers may be sent there.

use super::url::without_credentials;
use ureq::http::header::{ACCEPT, LOCATION};
use ureq::http::uri::Scheme;
use ureq::http::{HeaderMap, StatusCode, Uri};

/// The most redirects to follow; more are a loop.
pub(super) const MOST: u32 = 4;

/// The target of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) url: String,
    /// Scheme, host or port differ from those of the redirecting server.
    pub(super) is_other_origin: bool,
}

pub(super) fn is_one(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Returns the address to which a response of `from` redirects, or why it is invalid.
pub(super) fn next(from: &str, headers: &HeaderMap) -> Result<Next, String> {
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or("it redirects without a Location")?;
    let wrong = || {
        let shown = without_credentials(location);
        format!("it redirects to {shown:?}, which is not an HTTP address")
    };
    let before: Uri = from.parse().map_err(|_| wrong())?;
    let url = absolute(&before, location).ok_or_else(wrong)?;
    let after: Uri = url.parse().map_err(|_| wrong())?;
    let (was, is) = (origin(&before), origin(&after));
    let (Some(was), Some(is)) = (was, is) else {
        return Err(wrong());
    };
    if was.0 == Scheme::HTTPS && is.0 == Scheme::HTTP {
        return Err("it redirects from https to http".to_owned());
    }
    Ok(Next {
        url,
        is_other_origin: was != is,
    })
}

/// Removes credentials and the caller's own headers, which are only for the registry's own origin.
pub(super) fn drop_secrets(headers: &mut Vec<(&str, String)>) {
    headers.retain(|(name, _)| name.eq_ignore_ascii_case(ACCEPT.as_str()));
}

/// Resolves `location` against `from` (RFC 3986, section 5.2, as far as registries need it).
fn absolute(from: &Uri, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    let has_scheme = |scheme: &str| {
        let start = location.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if has_scheme("http://") || has_scheme("https://") {
        return Some(location.to_owned());
    }
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let path = from.path();
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    Some(format!("{scheme}://{authority}{folder}{location}"))
}

fn origin(uri: &Uri) -> Option<(Scheme, String, u16)> {
    let scheme = uri.scheme()?.clone();
    let usual = if scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = uri.host()?.to_ascii_lowercase();
    Some((scheme, host, uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    fn next(from: &str, location: &str) -> Result<Next, String> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
        super::next(from, &headers)
    }

    #[test]
    fn a_redirect_leads_where_its_location_says() {
        const HERE: &str = "https://registry:8081/a/b?c";
        for (location, url, is_other_origin) in [
            ("/x?y#z", "https://registry:8081/x?y", false),
            ("x", "https://registry:8081/a/x", false),
            ("https://REGISTRY:8081/x", "https://REGISTRY:8081/x", false),
            ("https://registry/x", "https://registry/x", true),
            ("https://other:8081/x", "https://other:8081/x", true),
            ("//other:8081/x", "https://other:8081/x", true),
            (
                "https://registry:8081@other/",
                "https://registry:8081@other/",
                true,
            ),
        ] {
            let expected = Next {
                url: url.to_owned(),
                is_other_origin,
            };
            assert_eq!(next(HERE, location), Ok(expected), "{location}");
        }
        let same = next("http://registry/a", "http://registry:80/b").unwrap();
        assert!(!same.is_other_origin);
        assert!(
            next("http://registry/a", "https://registry/b")
                .unwrap()
                .is_other_origin
        );
        assert!(
            next(HERE, "http://registry:8081/x")
                .unwrap_err()
                .contains("from https to http")
        );
    }

    #[test]
    fn only_what_says_nothing_of_the_caller_goes_to_another_origin() {
        let mut headers = vec![
            ("x-api-key", "s3cret".to_owned()),
            ("Accept", "application/json".to_owned()),
            ("authorization", "Basic s3cret".to_owned()),
        ];
        drop_secrets(&mut headers);
        assert_eq!(headers, [("Accept", "application/json".to_owned())]);
    }
}
