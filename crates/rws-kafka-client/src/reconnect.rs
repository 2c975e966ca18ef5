//! How soon a client reconnects to a broker that it has lost or that has refused it.

use rws_kafka_config::Properties;

const FIRST: &str = "reconnect.backoff.ms";
const LONGEST: &str = "reconnect.backoff.max.ms";

/// A broker that is available again is used within 3 s, or within about 1 s if no other is connected. In the
/// latter case librdkafka tries one of them regardless of its backoff, once per half of the first pause, but
/// at most once a second. With librdkafka's default of 100 ms that would be 20 TLS handshakes a second while
/// a certificate is refused.
const USUAL: (u32, u32) = (2_000, 3_000);

/// With a password, at least 5 s between two attempts at a broker, because accounts are locked after a few
/// refusals. librdkafka shortens the pause by up to a quarter.
const WITH_PASSWORD: (u32, u32) = (6_700, 6_700);

/// Returns the first and the longest pause between two connections to a broker, in milliseconds and before
/// librdkafka's jitter. The user's own settings take precedence.
pub(crate) fn reconnect_backoff(properties: &Properties) -> [(&'static str, u32); 2] {
    let set = |name| properties.get(name).and_then(|ms| ms.parse::<u32>().ok());
    let (first, longest) = match sends_password(properties) {
        true => WITH_PASSWORD,
        false => USUAL,
    };
    // librdkafka refuses a first pause that is longer than the longest.
    let (first, longest) = match (set(FIRST), set(LONGEST)) {
        (Some(first), Some(longest)) => (first, longest),
        (Some(first), None) => (first, longest.max(first)),
        (None, Some(longest)) => (first.min(longest), longest),
        (None, None) => (first, longest),
    };
    [(FIRST, first), (LONGEST, longest)]
}

fn sends_password(properties: &Properties) -> bool {
    let get = |name| {
        properties
            .get(name)
            .unwrap_or_default()
            .to_ascii_uppercase()
    };
    let mechanism = get("sasl.mechanism");
    get("security.protocol").starts_with("SASL")
        && (mechanism == "PLAIN" || mechanism.starts_with("SCRAM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(set: &[(&str, &str)]) -> (u32, u32) {
        let mut properties = Properties::default();
        for (name, value) in set {
            properties.set(*name, *value);
        }
        let [(_, first), (_, longest)] = reconnect_backoff(&properties);
        (first, longest)
    }

    #[test]
    fn a_password_is_not_sent_twice_in_5_s() {
        assert_eq!(backoff(&[]), USUAL);
        assert_eq!(backoff(&[("security.protocol", "SSL")]), USUAL);
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "scram-sha-512"] {
            for protocol in ["SASL_SSL", "sasl_plaintext"] {
                let sasl = [
                    ("security.protocol", protocol),
                    ("sasl.mechanisms", mechanism),
                ];
                let (first, longest) = backoff(&sasl);
                assert!(first * 3 / 4 >= 5_000 && longest >= first, "{sasl:?}");
            }
        }
        let token = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "OAUTHBEARER"),
        ];
        assert_eq!(backoff(&token), USUAL);
    }

    #[test]
    fn what_the_user_sets_comes_first_and_the_other_fits_to_it() {
        assert_eq!(backoff(&[(FIRST, "50")]), (50, 3_000));
        assert_eq!(backoff(&[(FIRST, "20000")]), (20_000, 20_000));
        assert_eq!(backoff(&[(LONGEST, "250")]), (250, 250));
        assert_eq!(backoff(&[(LONGEST, "60000")]), (2_000, 60_000));
        assert_eq!(backoff(&[(FIRST, "5"), (LONGEST, "9")]), (5, 9));
    }
}
