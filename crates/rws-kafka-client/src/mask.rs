use rws_kafka_config::Properties;
use std::borrow::Cow;

/// Shorter secrets are masked only as whole words: `kafka`, for example, is part of many words.
const LONG: usize = 8;

/// Returns `text` without the secrets of `properties`.
pub(crate) fn masked<'a>(properties: &Properties, text: &'a str) -> Cow<'a, str> {
    let mut masked = Cow::Borrowed(text);
    // A value of several lines, such as a key, may appear in parts.
    let parts = properties.secrets().flat_map(str::lines).map(str::trim);
    for secret in parts.filter(|part| !part.is_empty()) {
        if let Some(without) = without(&masked, secret) {
            masked = Cow::Owned(without);
        }
    }
    masked
}

fn without(text: &str, secret: &str) -> Option<String> {
    let stands_alone = |start: usize| {
        let is_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let before = text[..start].chars().next_back();
        let after = text[start + secret.len()..].chars().next();
        !is_word(before) && !is_word(after)
    };
    let mut found = text
        .match_indices(secret)
        .map(|(start, _)| start)
        .filter(|start| secret.len() >= LONG || stands_alone(*start))
        .peekable();
    found.peek()?;
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for start in found {
        masked.push_str(&text[end..start]);
        masked.push_str("***");
        end = start + secret.len();
    }
    masked.push_str(&text[end..]);
    Some(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(secrets: &[(&str, &str)]) -> Properties {
        let mut properties = Properties::default();
        properties.set("client.id", "a-client-of-mine");
        for (name, value) in secrets {
            properties.set(*name, *value);
        }
        properties
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----";
        let properties = properties(&[
            ("sasl.password", "hunter2-hunter2"),
            ("ssl.key.password", "kafka"),
            ("ssl.key.pem", key),
            ("https.proxy", "http://me:open@proxy"),
        ]);
        for (line, expected) in [
            (
                "all is well with a-client-of-mine",
                "all is well with a-client-of-mine",
            ),
            ("hunter2-hunter2", "***"),
            ("xhunter2-hunter2y, hunter2-hunter2", "x***y, ***"),
            ("hunter2-hunter2hunter2-hunter2", "******"),
            (
                "librdkafka rdkafka#1 (kafka)=kafka",
                "librdkafka rdkafka#1 (***)=***",
            ),
            ("key MIIEvQIBADANBgkq ends", "key *** ends"),
            ("via http://me:open@proxy", "via ***"),
            ("übel: kafkaü", "übel: kafkaü"),
            ("ü kafka ü", "ü *** ü"),
        ] {
            assert_eq!(masked(&properties, line), expected);
        }
    }
}
