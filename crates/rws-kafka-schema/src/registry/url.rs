//! Removes secrets from URLs before they are shown.

/// Returns `url` without user, password and query, for an error.
pub(crate) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_is_shown_with_credentials() {
        for (url, shown) in [
            (
                "https://user:pw@host:8081/a/b?key=x",
                "https://host:8081/a/b",
            ),
            ("http://host", "http://host"),
            ("http://a:b@c@host/@x", "http://host/@x"),
            ("user:pw@host", "host"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
