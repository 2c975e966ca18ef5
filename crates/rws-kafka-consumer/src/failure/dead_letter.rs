use crate::handler::error::HandlerError;
use rws_kafka_dispatch::Timestamp;
use rws_kafka_observe::text::printable;
use std::borrow::Cow;

/// The names and the encoding of the headers that contain the origin of a dead letter.
///
/// | text | Spring | what |
/// |---|---|---|
/// | `rws-dlq-original-topic` | `kafka_dlt-original-topic` | the topic |
/// | `rws-dlq-original-partition` | `kafka_dlt-original-partition` (4 bytes) | the partition |
/// | `rws-dlq-original-offset` | `kafka_dlt-original-offset` (8 bytes) | the offset |
/// | `rws-dlq-original-timestamp` | `kafka_dlt-original-timestamp` (8 bytes) | milliseconds since 1970 |
/// | | `kafka_dlt-original-timestamp-type` | `CreateTime` or `LogAppendTime` |
/// | `rws-dlq-consumer-group` | `kafka_dlt-original-consumer-group` | the group that dead-lettered it |
/// | `rws-dlq-error-reason` | `kafka_dlt-exception-message` | the error with its causes |
/// | | `kafka_dlt-exception-fqcn`, `kafka_dlt-exception-cause-fqcn` | the error's Rust type |
/// | | `kafka_dlt-exception-stacktrace` | the error and its causes, one per line |
/// | `rws-dlq-attempts` | `kafka_deliveryAttempt` (4 bytes) | how often it was handled |
/// | `rws-dlq-failed-at` | | when it was dead-lettered, in milliseconds since 1970 |
///
/// The headers follow the message's own headers. A message without a timestamp has no timestamp header.
/// Reasons are at most 1 KiB and stack traces at most 4 KiB; control characters in them are escaped. The
/// record's timestamp is the time at which the dead letter was published.
///
/// If a message is so close to the size limit that the headers do not fit, fewer are added:
///
/// 1. The reason is shortened, and says so, and the stack trace is left out.
/// 2. All headers are replaced by `rws-dlq-origin`, which contains `topic/partition/offset/timestamp`
///    (`orders/3/17` without a timestamp) in both forms.
/// 3. No header is added, and the log shows the origin of the message.
///
/// A message that is too large even without headers is retried until `max.message.bytes` of the topic allows
/// it; its offset does not move. In an exactly-once worker the broker answers only at the commit. There,
/// headers are shortened to fit the broker's default limit of 1,048,588 bytes.
///
/// If OpenTelemetry records the handling (feature `otel`), the dead letter continues that trace: its
/// `traceparent` and `tracestate` are those of the span that sends it. Otherwise they stay as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterHeaders {
    /// Text, with decimal numbers. The default.
    #[default]
    Text,
    /// The names and encodings of Spring Kafka's `DeadLetterPublishingRecoverer` (the constants `DLT_*` of
    /// its [`KafkaHeaders`]): text in UTF-8, numbers as big-endian integers.
    ///
    /// [`KafkaHeaders`]: https://docs.spring.io/spring-kafka/docs/current/api/org/springframework/kafka/support/KafkaHeaders.html
    Spring,
}

/// The name of a dead letter queue, which may contain a placeholder for the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueName(String);

/// The placeholder for the topic's name. A topic name cannot contain braces.
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

/// The origin of a failed message, and its error.
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

/// The header that replaces all others if they do not fit.
pub(crate) const ORIGIN: &str = "rws-dlq-origin";

/// The maximum size of a stack trace in bytes.
const TRACE_BYTES: usize = 4096;

/// A shortened reason has this many bytes of the original, followed by [`SHORTENED`].
const SHORT_REASON_BYTES: usize = 100;
const SHORTENED: &str = "… [shortened: the message is close to the size limit]";

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
        ("rws-dlq-error-reason", reason(from.error)),
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
    headers.extend([
        ("kafka_dlt-original-consumer-group", from.group.into()),
        ("kafka_dlt-exception-fqcn", from.error.kind().into()),
        ("kafka_dlt-exception-cause-fqcn", from.error.kind().into()),
        ("kafka_dlt-exception-message", reason(from.error)),
        ("kafka_dlt-exception-stacktrace", stack_trace(from.error)),
        ("kafka_deliveryAttempt", from.attempts.to_be_bytes().into()),
    ]);
    headers
}

/// The error with its causes, on one line.
pub(crate) fn reason(error: &HandlerError) -> Vec<u8> {
    printable(&error.to_string()).into_owned().into_bytes()
}

/// The error and its causes, each on a line of its own.
pub(crate) fn stack_trace(error: &HandlerError) -> Vec<u8> {
    let chain = error.chain();
    let lines: Vec<Cow<'_, str>> = chain.iter().map(|cause| printable(cause)).collect();
    cut(&lines.join("\nCaused by: "), TRACE_BYTES).into()
}

/// The longest prefix of `text` that has at most `most_bytes` and ends between two characters.
fn cut(text: &str, most_bytes: usize) -> &str {
    let mut end = most_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The origin of a message in one header.
pub(crate) fn origin_header(from: &Provenance<'_>) -> Header {
    let mut value = format!("{}/{}/{}", from.topic, from.partition, from.offset);
    if let Some(timestamp) = from.timestamp {
        value.push_str(&format!("/{}", timestamp.ms()));
    }
    (ORIGIN, value.into_bytes())
}

/// The parsed value of an [`origin_header`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortOrigin<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
}

impl<'a> ShortOrigin<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.split('/');
        let origin = Self {
            topic: parts.next()?,
            partition: parts.next()?.parse().ok()?,
            offset: parts.next()?.parse().ok()?,
            timestamp_ms: match parts.next() {
                Some(ms) => Some(ms.parse().ok()?),
                None => None,
            },
        };
        parts.next().is_none().then_some(origin)
    }
}

/// The headers of a dead letter or of a delayed message with a short reason and no stack trace.
pub(crate) fn shortened(headers: &[Header]) -> Vec<Header> {
    let kept = headers.iter().filter(|(name, _)| {
        !name.ends_with("exception-stacktrace") && !name.ends_with("exception-cause-fqcn")
    });
    kept.map(|(name, value)| {
        if name.ends_with("error-reason") || name.ends_with("exception-message") {
            let text = String::from_utf8_lossy(value);
            let text = cut(&text, SHORT_REASON_BYTES);
            return (*name, format!("{text}{SHORTENED}").into_bytes());
        }
        (*name, value.clone())
    })
    .collect()
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
    fn a_reason_is_one_bounded_line_and_a_missing_timestamp_left_out() {
        let error = HandlerError::new("€\n".repeat(300_000));
        for form in [DeadLetterHeaders::Text, DeadLetterHeaders::Spring] {
            let headers = form.write(&provenance(&error, None));
            assert!(headers.iter().all(|(name, _)| !name.contains("timestamp")));
            for (name, value) in headers {
                assert!(value.len() <= 1024, "{name}");
                if name.contains("reason") || name.contains("exception-message") {
                    let text = String::from_utf8(value).unwrap();
                    assert!(text.starts_with(r"€\n€\n"), "{text}");
                    assert!(text.ends_with('…') && text.len() > 1_000, "{text}");
                }
            }
        }
    }

    #[test]
    fn causes_stand_on_lines_of_their_own_that_no_cause_can_forge() {
        let cause = HandlerError::new("a\nCaused by: forged");
        assert_eq!(stack_trace(&cause), br"a\nCaused by: forged");
        let causes = std::iter::successors(Some(0), |n| (*n < 9).then_some(n + 1));
        let error = causes.fold(std::io::Error::other("x".repeat(2_000)), |cause, _| {
            std::io::Error::other(Nested(cause))
        });
        let trace = stack_trace(&HandlerError::from(error));
        assert_eq!(trace.len(), TRACE_BYTES);
    }

    #[derive(Debug)]
    struct Nested(std::io::Error);

    impl std::fmt::Display for Nested {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&"n".repeat(1_000))
        }
    }

    impl std::error::Error for Nested {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_short_origin_is_read_as_it_was_written() {
        let error = HandlerError::new("late");
        for timestamp in [None, Some(Timestamp::Create(-7))] {
            let (name, value) = origin_header(&provenance(&error, timestamp));
            assert_eq!(name, "rws-dlq-origin");
            let origin = ShortOrigin {
                topic: "orders",
                partition: 3,
                offset: 5_000_000_000,
                timestamp_ms: timestamp.map(Timestamp::ms),
            };
            assert_eq!(ShortOrigin::parse(&value), Some(origin));
        }
        for other in [
            "",
            "orders",
            "orders/3",
            "orders/x/1",
            "o/1/2/x",
            "o/1/2/3/4",
        ] {
            assert_eq!(ShortOrigin::parse(other.as_bytes()), None, "{other}");
        }
    }
}
