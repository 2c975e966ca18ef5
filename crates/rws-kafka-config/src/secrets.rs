//! What is a secret, and how text that might hold one is shown.

/// Stands for the value of a secret in everything that is shown.
pub(crate) const REDACTED: &str = "***";

/// How much of a wrong value an error repeats.
const SHOWN_CHARS: usize = 80;

/// Whether the value of this librdkafka property must not be shown.
///
/// rdkafka's own errors repeat the value of a property they refuse: whoever
/// prints one asks here first.
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
            // The first carries tokens and claims, the second may pipe a
            // password, the third is a key.
            "sasl.oauthbearer.config" | "sasl.kerberos.kinit.cmd" | "ssl_key"
        )
}

/// As [`is_secret_property`], and also for values that are secrets wherever
/// they stand: private keys, and URLs with credentials.
pub(crate) fn is_secret_value(name: &str, value: &str) -> bool {
    is_secret_property(name)
        || value.contains("PRIVATE KEY")
        || (value.contains("://") && value.contains('@'))
}

/// A wrong value of a setting that is no secret, quoted for an error.
pub(crate) fn quote(text: &str) -> String {
    if text.contains('@') || text.contains("PRIVATE KEY") {
        return "a value that may hold credentials (not shown)".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Text from outside on one line: a line break in it must not look like
/// another problem, or another row of a table.
pub(crate) fn one_line(text: &str) -> String {
    if text.chars().any(char::is_control) {
        format!("{text:?}")
    } else {
        text.to_owned()
    }
}
