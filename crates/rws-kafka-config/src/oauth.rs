//! Checks that OAUTHBEARER can get tokens.

use crate::passthrough::{PassThrough, value_of};

const METHOD: &str = "sasl.oauthbearer.method";
const UNSECURED: &str = "enable.sasl.oauthbearer.unsecure.jwt";
const CONFIG: &str = "sasl.oauthbearer.config";
const GRANT: &str = "sasl.oauthbearer.grant.type";
const METADATA: &str = "sasl.oauthbearer.metadata.authentication.type";

/// The properties that the client credentials grant, the default, needs.
const CREDENTIALS: [&str; 3] = [
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
];

/// Returns why these properties give no tokens, or `None` if they do.
///
/// For other grants and the metadata services, librdkafka itself reports missing properties before it
/// connects.
pub(crate) fn problem(properties: &[PassThrough]) -> Option<String> {
    let value = |name: &str| value_of(properties, name).filter(|value| !value.is_empty());
    let is =
        |name: &str, text: &str| value(name).is_some_and(|value| value.eq_ignore_ascii_case(text));
    match (is(METHOD, "oidc"), is(UNSECURED, "true")) {
        (false, false) => Some(format!(
            "OAUTHBEARER has no source of tokens: under [kafka.properties] set {METHOD} = \
             \"oidc\" with sasl.oauthbearer.token.endpoint.url, .client.id and .client.secret, \
             or for tests {UNSECURED} = true with {CONFIG}"
        )),
        (true, true) => Some(format!(
            "{METHOD} = \"oidc\" and {UNSECURED} = true exclude each other under \
             [kafka.properties]: keep one"
        )),
        (false, true) => value(CONFIG).is_none().then(|| {
            format!(
                "{UNSECURED} needs {CONFIG} under [kafka.properties], such as \
                 \"principal=orders\""
            )
        }),
        (true, false) => {
            let is_default = |name, default| value(name).is_none() || is(name, default);
            if !is_default(METADATA, "none") || !is_default(GRANT, "client_credentials") {
                return None;
            }
            let missing: Vec<&str> = CREDENTIALS
                .into_iter()
                .filter(|name| value(name).is_none())
                .collect();
            (!missing.is_empty()).then(|| {
                format!(
                    "{METHOD} = \"oidc\" needs {} under [kafka.properties]",
                    missing.join(", ")
                )
            })
        }
    }
}
