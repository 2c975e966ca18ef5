//! Spells the key of a setting for each layer: `client_id` is `RWS_CONFIG_KAFKA_CLIENT_ID` in the
//! environment and `--kafka-client-id` as a flag.

pub(crate) const ENV_PREFIX: &str = "RWS_CONFIG_KAFKA_";
pub(crate) const FLAG_PREFIX: &str = "--kafka-";

/// Spells a key as an environment variable; `N` is the length of the result.
pub(crate) const fn env<const N: usize>(key: &str) -> [u8; N] {
    let mut name = joined(ENV_PREFIX, key);
    let mut at = 0;
    while at < N {
        name[at] = name[at].to_ascii_uppercase();
        at += 1;
    }
    name
}

/// Spells a key as a flag; `N` is the length of the result.
pub(crate) const fn flag<const N: usize>(key: &str) -> [u8; N] {
    let mut name = joined(FLAG_PREFIX, key);
    let mut at = 0;
    while at < N {
        if name[at] == b'_' {
            name[at] = b'-';
        }
        at += 1;
    }
    name
}

/// Converts a spelled name to a `str`.
pub(crate) const fn text(name: &'static [u8]) -> &'static str {
    match std::str::from_utf8(name) {
        Ok(text) => text,
        Err(_) => panic!("keys are ASCII"),
    }
}

const fn joined<const N: usize>(prefix: &str, key: &str) -> [u8; N] {
    let (prefix, key) = (prefix.as_bytes(), key.as_bytes());
    let mut name = [0; N];
    let mut at = 0;
    while at < N {
        name[at] = if at < prefix.len() {
            prefix[at]
        } else {
            key[at - prefix.len()]
        };
        at += 1;
    }
    name
}
