use crate::handler::HandlerError;
use crate::timestamp::Timestamp;
use std::borrow::Cow;

/// The form of the headers that tell where a dead letter came from.
///
/// | text | Spring | what |
/// |---|---|---|
/// | `rws-dlq-original-topic` | `kafka_dlt-original-topic` | the topic |
/// | `rws-dlq-original-partition` | `kafka_dlt-original-partition` (4 bytes) | the partition |
/// | `rws-dlq-original-offset` | `kafka_dlt-original-offset` (8 bytes) | the offset |
/// | `rws-dlq-original-timestamp` | `kafka_dlt-original-timestamp` (8 bytes) | milliseconds since 1970 |
/// | | `kafka_dlt-original-timestamp-type` | `CreateTime` or `LogAppendTime` |
/// | `rws-dlq-consumer-group` | `kafka_dlt-original-consumer-group` | the group that gave it up |
/// | `rws-dlq-error-reason` | `kafka_dlt-exception-message` | the error with its causes |
/// | | `kafka_dlt-exception-fqcn`, `kafka_dlt-exception-cause-fqcn` | the error's Rust type |
/// | | `kafka_dlt-exception-stacktrace` | the error and its causes, one a line |
/// | `rws-dlq-attempts` | `kafka_deliveryAttempt` (4 bytes) | how often it was handled |
/// | `rws-dlq-failed-at` | | when it was given up, milliseconds since 1970 |
///
/// They come after the message's own headers. A message without a timestamp has no header for it.
/// Where OpenTelemetry records the handling (feature `otel`), the letter continues that trace: its
/// `traceparent` and `tracestate` are of the span that sends the letter. Else they stay as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterHeaders {
    /// Text, numbers in decimal. The default.
    #[default]
    Text,
    /// The names and encodings of Spring Kafka's `DeadLetterPublishingRecoverer` (constants
    /// `DLT_*` of its [`KafkaHeaders`]): text in UTF-8, numbers as big-endian integers.
    ///
    /// [`KafkaHeaders`]: https://docs.spring.io/spring-kafka/docs/current/api/org/springframework/kafka/support/KafkaHeaders.html
    Spring,
}

/// The name of a dead letter queue, which may be made of that of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueName(String);

/// What stands for the topic's name; no topic can be named with braces.
const PLACEHOLDER: &str = "{topic}";

impl QueueName {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The queue for messages of `topic`.
    pub(crate) fn of(&self, topic: &str) -> Cow<'_, str> {
        if self.0.contains(PLACEHOLDER) {
            Cow::Owned(self.0.replace(PLACEHOLDER, topic))
        } else {
            Cow::Borrowed(&self.0)
        }
    }
}

/// Where a message came from and why it is given up.
pub(crate) struct Provenance<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) group: &'a str,
    pub(crate) error: &'a HandlerError,
    pub(crate) attempts: u32,
    pub(crate) failed_at_ms: i64,
}

pub(crate) type Header = (&'static str, Vec<u8>);

/// A reason is told in this many bytes at most: it must not make a letter too large to be sent.
const REASON_BYTES: usize = 4096;

impl DeadLetterHeaders {
    pub(crate) fn write(self, from: &Provenance<'_>) -> Vec<Header> {
        match self {
            Self::Text => text(from),
            Self::Spring => spring(from),
        }
    }
}

fn text(from: &Provenance<'_>) -> Vec<Header> {
    let number = |number: i64| number.to_string().into_bytes();
    let mut headers = vec![
        ("rws-dlq-original-topic", from.topic.into()),
        ("rws-dlq-original-partition", number(from.partition.into())),
        ("rws-dlq-original-offset", number(from.offset)),
    ];
    if let Some(timestamp) = from.timestamp {
        headers.push(("rws-dlq-original-timestamp", number(timestamp.ms())));
    }
    headers.extend([
        ("rws-dlq-consumer-group", from.group.into()),
        ("rws-dlq-error-reason", cut(from.error.to_string())),
        ("rws-dlq-attempts", number(from.attempts.into())),
        ("rws-dlq-failed-at", number(from.failed_at_ms)),
    ]);
    headers
}

fn spring(from: &Provenance<'_>) -> Vec<Header> {
    let mut headers = vec![
        ("kafka_dlt-original-topic", from.topic.into()),
        (
            "kafka_dlt-original-partition",
            from.partition.to_be_bytes().into(),
        ),
        (
            "kafka_dlt-original-offset",
            from.offset.to_be_bytes().into(),
        ),
    ];
    if let Some(timestamp) = from.timestamp {
        headers.push((
            "kafka_dlt-original-timestamp",
            timestamp.ms().to_be_bytes().into(),
        ));
        headers.push(("kafka_dlt-original-timestamp-type", timestamp.kind().into()));
    }
    let chain = from.error.chain().join("\nCaused by: ");
    headers.extend([
        ("kafka_dlt-original-consumer-group", from.group.into()),
        ("kafka_dlt-exception-fqcn", from.error.kind().into()),
        ("kafka_dlt-exception-cause-fqcn", from.error.kind().into()),
        ("kafka_dlt-exception-message", cut(from.error.to_string())),
        ("kafka_dlt-exception-stacktrace", cut(chain)),
        ("kafka_deliveryAttempt", from.attempts.to_be_bytes().into()),
    ]);
    headers
}

/// The beginning of `text`, ending between two characters.
pub(crate) fn cut(mut text: String) -> Vec<u8> {
    text.truncate(text.floor_char_boundary(REASON_BYTES));
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(error: &HandlerError, timestamp: Option<Timestamp>) -> Provenance<'_> {
        Provenance {
            topic: "orders",
            partition: 3,
            offset: 5_000_000_000,
            timestamp,
            group: "fulfilment",
            error,
            attempts: 4,
            failed_at_ms: 1_700_000_000_007,
        }
    }

    #[test]
    fn a_queue_may_be_named_after_its_topic() {
        let name = |name: &str| QueueName::new(name).of("orders").into_owned();
        assert_eq!(name("dlq"), "dlq");
        assert_eq!(name("{topic}.dlq"), "orders.dlq");
        assert_eq!(name("{other}"), "{other}");
    }

    #[test]
    fn text_headers_hold_each_its_own_value() {
        let error = HandlerError::from("x".parse::<u8>().unwrap_err());
        let timestamp = Some(Timestamp::Create(1_600_000_000_001));
        let headers = DeadLetterHeaders::Text.write(&provenance(&error, timestamp));
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, std::str::from_utf8(value).unwrap()))
            .collect();
        assert_eq!(
            headers,
            [
                ("rws-dlq-original-topic", "orders"),
                ("rws-dlq-original-partition", "3"),
                ("rws-dlq-original-offset", "5000000000"),
                ("rws-dlq-original-timestamp", "1600000000001"),
                ("rws-dlq-consumer-group", "fulfilment"),
                ("rws-dlq-error-reason", "invalid digit found in string"),
                ("rws-dlq-attempts", "4"),
                ("rws-dlq-failed-at", "1700000000007"),
            ]
        );
    }

    #[test]
    fn springs_headers_have_its_names_and_encodings() {
        let error = HandlerError::from("x".parse::<u8>().unwrap_err());
        let timestamp = Some(Timestamp::LogAppend(1_600_000_000_001));
        let headers = DeadLetterHeaders::Spring.write(&provenance(&error, timestamp));
        let fqcn = b"core::num::error::ParseIntError";
        let reason = b"invalid digit found in string";
        let expected: [(&str, &[u8]); 11] = [
            ("kafka_dlt-original-topic", b"orders"),
            ("kafka_dlt-original-partition", &[0, 0, 0, 3]),
            (
                "kafka_dlt-original-offset",
                &[0, 0, 0, 1, 0x2A, 0x05, 0xF2, 0],
            ),
            (
                "kafka_dlt-original-timestamp",
                &1_600_000_000_001_i64.to_be_bytes(),
            ),
            ("kafka_dlt-original-timestamp-type", b"LogAppendTime"),
            ("kafka_dlt-original-consumer-group", b"fulfilment"),
            ("kafka_dlt-exception-fqcn", fqcn),
            ("kafka_dlt-exception-cause-fqcn", fqcn),
            ("kafka_dlt-exception-message", reason),
            ("kafka_dlt-exception-stacktrace", reason),
            ("kafka_deliveryAttempt", &[0, 0, 0, 4]),
        ];
        assert_eq!(headers.len(), expected.len());
        for ((name, value), expected) in headers.iter().zip(expected) {
            assert_eq!((*name, value.as_slice()), expected);
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters_and_a_missing_timestamp_left_out() {
        let error = HandlerError::new("€".repeat(REASON_BYTES));
        for form in [DeadLetterHeaders::Text, DeadLetterHeaders::Spring] {
            let headers = form.write(&provenance(&error, None));
            assert!(headers.iter().all(|(name, _)| !name.contains("timestamp")));
            for (name, value) in headers {
                assert!(value.len() <= REASON_BYTES, "{name}");
                if name.contains("reason") || name.contains("message") {
                    let text = String::from_utf8(value).unwrap();
                    assert_eq!(text.chars().count(), REASON_BYTES / 3);
                }
            }
        }
    }
}
