//! Decides what is a secret, and how text that may contain one is shown.

/// Replaces the value of a secret in everything that is shown.
pub(crate) const REDACTED: &str = "***";

/// The most characters of an invalid value that an error repeats.
const SHOWN_CHARS: usize = 80;

/// Returns `true` if the value of this librdkafka property must not be shown.
///
/// rdkafka's own errors repeat the value of a property that they refuse. Check with this function before you
/// print one.
///
/// ```
/// use rws_kafka_config::is_secret_property;
///
/// assert!(is_secret_property("sasl.password"));
/// assert!(!is_secret_property("linger.ms"));
/// ```
#[must_use]
pub fn is_secret_property(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passphrase", "secret", "key.pem", "jaas"]
        .iter()
        .any(|part| name.contains(part))
        || matches!(
            name.as_str(),
            // The first contains tokens and claims, the second may pipe a password, the third is a key.
            "sasl.oauthbearer.config" | "sasl.kerberos.kinit.cmd" | "ssl_key"
        )
}

/// As [`is_secret_property`], but also `true` for values that are secrets in any property: private keys, and
/// URLs with credentials.
pub(crate) fn is_secret_value(name: &str, value: &str) -> bool {
    is_secret_property(name)
        || value.contains("PRIVATE KEY")
        || (value.contains("://") && value.contains('@'))
}

/// Quotes an invalid value of a setting that is not a secret, for an error message.
pub(crate) fn quote(text: &str) -> String {
    if text.contains('@') || text.contains("PRIVATE KEY") {
        return "a value that may contain credentials (not shown)".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Returns text from outside on one line: a line break must not look like another problem or another row of
/// a table.
pub(crate) fn one_line(text: &str) -> String {
    if text.chars().any(char::is_control) {
        format!("{text:?}")
    } else {
        text.to_owned()
    }
}
