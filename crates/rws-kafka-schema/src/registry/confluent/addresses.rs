//! Parses the addresses of a registry.

use crate::registry::auth::Auth;
use crate::registry::error::RegistryError;
use crate::registry::url::without_credentials;

/// Splits a comma-separated list into URLs without credentials. Credentials in a URL are used unless `auth`
/// has some.
pub(super) fn addresses(list: &str, auth: Auth) -> Result<(Vec<String>, Auth), RegistryError> {
    let mut urls = Vec::new();
    let mut auth = auth;
    for url in list.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if !matches!(scheme, "http" | "https") || host.is_empty() || rest.contains(['?', '#']) {
            return Err(RegistryError::Setting {
                setting: "URL",
                found: format!("is {:?}", without_credentials(url)),
                allowed: "http://host:port or https://host:port, with a path or without, separated by commas",
            });
        }
        if let (Auth::None, Some((user, password))) = (&auth, user.split_once(':')) {
            auth = Auth::Basic {
                user: decoded(user),
                password: decoded(password).into(),
            };
        }
        urls.push(format!("{scheme}://{host}{}", path.trim_end_matches('/')));
    }
    if urls.is_empty() {
        return Err(no_url());
    }
    Ok((urls, auth))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

pub(super) fn no_url() -> RegistryError {
    RegistryError::Setting {
        setting: "URL",
        found: "is empty".to_owned(),
        allowed: "http://host:port or https://host:port, with a path or without, separated by commas",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_list_gives_its_urls_and_the_credentials_in_it() {
        let (urls, auth) = addresses("https://u:p%40@a:1/x/, http://b", Auth::None).unwrap();
        assert_eq!(urls, ["https://a:1/x", "http://b"]);
        let Auth::Basic { user, password } = auth else {
            panic!("{auth:?}");
        };
        assert_eq!((user.as_str(), password.expose_secret()), ("u", "p@"));
    }

    #[test]
    fn credentials_that_were_set_win_over_those_of_the_url() {
        let token = Auth::Bearer("t".to_owned().into());
        let (urls, auth) = addresses("https://u:p@a", token).unwrap();
        assert_eq!(urls, ["https://a"]);
        assert!(matches!(auth, Auth::Bearer(_)));
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        for list in [
            "",
            " , ",
            "registry:8081",
            "ftp://u:s3cret@host",
            "http://",
            "http://a?x=1",
        ] {
            let error = addresses(list, Auth::None).unwrap_err().to_string();
            assert!(
                error.starts_with("the schema registry's URL is "),
                "{error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
