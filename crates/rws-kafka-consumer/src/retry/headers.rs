//! The headers of delayed messages. Names and encodings are those of Spring Kafka's `RetryTopicHeaders` and
//! `KafkaHeaders`, as its `DeadLetterPublishingRecovererFactory` writes and reads them.

use crate::failure::dead_letter::{Header, Provenance, reason, stack_trace};
use rws_kafka_dispatch::Timestamp;

const ATTEMPTS: &str = "retry_topic-attempts";
const DUE: &str = "retry_topic-backoff-timestamp";
const RETRY_TIMESTAMP: &str = "retry_topic-original-timestamp";
const PARTITION: &str = "kafka_original-partition";
const OFFSET: &str = "kafka_original-offset";
const TIMESTAMP: &str = "kafka_original-timestamp";
const TIMESTAMP_TYPE: &str = "kafka_original-timestamp-type";

/// Spring uses the prefix of dead letters for this header, too.
const GROUP: &str = "kafka_dlt-original-consumer-group";

/// All names of retry headers.
const NAMES: [&str; 13] = [
    "kafka_original-topic",
    PARTITION,
    OFFSET,
    TIMESTAMP,
    TIMESTAMP_TYPE,
    GROUP,
    "kafka_exception-fqcn",
    "kafka_exception-cause-fqcn",
    "kafka_exception-message",
    "kafka_exception-stacktrace",
    RETRY_TIMESTAMP,
    ATTEMPTS,
    DUE,
];

/// The header that replaces all others if they do not fit: `partition/offset/attempts/due`, followed by `/C`
/// or `/L` and the timestamp if there is one.
const SHORT: &str = "rws-retry-origin";

/// The highest number of attempts that Spring accepts.
const MOST_ATTEMPTS: u32 = i32::MAX as u32;

/// The original place of a message, and the number of attempts before it was read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) attempts: u32,
}

impl<'a> Origin<'a> {
    /// Reads the headers of a message that was read at `self`, in a retry topic of `topic`. Without a valid
    /// partition and offset in them, the origin is `self`.
    pub(crate) fn read<'h>(
        self,
        topic: &'a str,
        level: u32,
        headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
    ) -> Self {
        if let Some(short) = Short::of(headers.clone()) {
            return Self {
                topic,
                partition: short.partition,
                offset: short.offset,
                timestamp: short.timestamp,
                attempts: short.attempts.max(level),
            };
        }
        let value = |name: &str| last(headers.clone(), name);
        let partition = value(PARTITION)
            .and_then(fixed)
            .map(i32::from_be_bytes)
            .filter(|partition| *partition >= 0);
        let offset = value(OFFSET)
            .and_then(fixed)
            .map(i64::from_be_bytes)
            .filter(|offset| *offset >= 0);
        let ms = value(TIMESTAMP)
            .and_then(fixed)
            .map(i64::from_be_bytes)
            .or_else(|| value(RETRY_TIMESTAMP).and_then(big_integer));
        let is_appended = value(TIMESTAMP_TYPE) == Some(b"LogAppendTime");
        let timestamp = ms.map(|ms| match is_appended {
            true => Timestamp::LogAppend(ms),
            false => Timestamp::Create(ms),
        });
        // It failed at least once on each level below this one, whatever the header contains.
        let attempts = value(ATTEMPTS).and_then(attempt).unwrap_or(1);
        let attempts = (attempts - 1).max(level);
        match partition.zip(offset) {
            Some((partition, offset)) => Self {
                topic,
                partition,
                offset,
                timestamp,
                attempts,
            },
            None => Self {
                timestamp: timestamp.or(self.timestamp),
                attempts,
                ..self
            },
        }
    }
}

/// The time at which a message is due, in milliseconds since 1970.
pub(crate) fn due_ms<'h>(
    headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
) -> Option<i64> {
    match Short::of(headers.clone()) {
        Some(short) => Some(short.due_ms),
        None => last(headers, DUE).and_then(big_integer),
    }
}

/// The group that delayed a message; `None` if the headers do not contain it.
pub(crate) fn group<'h>(
    headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
) -> Option<&'h [u8]> {
    if Short::of(headers.clone()).is_some() {
        return None;
    }
    last(headers, GROUP).filter(|group| !group.is_empty())
}

/// The headers of a message that is delayed until `due_ms`.
pub(crate) fn write(from: &Provenance<'_>, due_ms: i64) -> Vec<Header> {
    let mut headers: Vec<Header> = vec![
        ("kafka_original-topic", from.topic.into()),
        (PARTITION, from.partition.to_be_bytes().into()),
        (OFFSET, from.offset.to_be_bytes().into()),
    ];
    if let Some(timestamp) = from.timestamp {
        headers.extend([
            (TIMESTAMP, timestamp.ms().to_be_bytes().into()),
            (TIMESTAMP_TYPE, timestamp.kind().into()),
            (RETRY_TIMESTAMP, to_big_integer(timestamp.ms())),
        ]);
    }
    // The number of the next attempt: Spring's first delivery is 1 and has no header.
    let attempt = from.attempts.saturating_add(1).min(MOST_ATTEMPTS);
    headers.extend([
        (GROUP, from.group.into()),
        ("kafka_exception-fqcn", from.error.kind().into()),
        ("kafka_exception-cause-fqcn", from.error.kind().into()),
        ("kafka_exception-message", reason(from.error)),
        ("kafka_exception-stacktrace", stack_trace(from.error)),
        (ATTEMPTS, attempt.to_be_bytes().into()),
        (DUE, to_big_integer(due_ms)),
    ]);
    headers
}

/// The header that replaces all others.
pub(crate) fn write_short(from: &Provenance<'_>, due_ms: i64) -> Header {
    let (partition, offset, attempts) = (from.partition, from.offset, from.attempts);
    let mut value = format!("{partition}/{offset}/{attempts}/{due_ms}");
    match from.timestamp {
        None => {}
        Some(Timestamp::Create(ms)) => value.push_str(&format!("/C{ms}")),
        Some(Timestamp::LogAppend(ms)) => value.push_str(&format!("/L{ms}")),
    }
    (SHORT, value.into_bytes())
}

/// The parsed value of [`write_short`].
struct Short {
    partition: i32,
    offset: i64,
    attempts: u32,
    due_ms: i64,
    timestamp: Option<Timestamp>,
}

impl Short {
    /// Parses the short header, unless one of the other headers follows it: then that one was written last.
    fn of<'h>(
        headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)>,
    ) -> Option<Self> {
        let (name, value) = headers.rev().find(|(name, _)| is_ours(name))?;
        match name {
            SHORT => Self::parse(value?),
            _ => None,
        }
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.split('/');
        let partition = parts.next()?.parse().ok()?;
        let offset = parts.next()?.parse().ok()?;
        let attempts = parts.next()?.parse().ok()?;
        let due_ms = parts.next()?.parse().ok()?;
        let timestamp = match parts.next().map(|part| part.split_at_checked(1)) {
            None => None,
            Some(Some(("C", ms))) => Some(Timestamp::Create(ms.parse().ok()?)),
            Some(Some(("L", ms))) => Some(Timestamp::LogAppend(ms.parse().ok()?)),
            Some(_) => return None,
        };
        let is_valid = partition >= 0 && offset >= 0 && parts.next().is_none();
        is_valid.then_some(Self {
            partition,
            offset,
            attempts,
            due_ms,
            timestamp,
        })
    }
}

/// Returns `true` if `name` is the name of a retry header.
pub(crate) fn is_ours(name: &str) -> bool {
    NAMES.contains(&name) || name == SHORT
}

/// The message's own headers, without the last header of each retry name. A header of such a name in the
/// original message comes earlier.
pub(crate) fn own_headers<'h>(
    headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
) -> Vec<(&'h str, Option<&'h [u8]>)> {
    if Short::of(headers.clone()).is_some() {
        let mut own: Vec<_> = headers.collect();
        if let Some(short) = own.iter().rposition(|(name, _)| *name == SHORT) {
            own.remove(short);
        }
        return own;
    }
    let mut seen = [false; NAMES.len()];
    let mut own: Vec<_> = headers
        .rev()
        .filter(|(name, _)| {
            let number = NAMES.iter().position(|other| other == name);
            number.is_none_or(|number| std::mem::replace(&mut seen[number], true))
        })
        .collect();
    own.reverse();
    own
}

fn last<'h>(
    headers: impl DoubleEndedIterator<Item = (&'h str, Option<&'h [u8]>)>,
    name: &str,
) -> Option<&'h [u8]> {
    headers.rev().find(|(other, _)| *other == name)?.1
}

fn fixed<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

/// Earlier versions of Spring wrote a single byte.
fn attempt(value: &[u8]) -> Option<u32> {
    let attempt = match *value {
        [attempt] => u32::from(attempt),
        _ => u32::from_be_bytes(fixed(value)?),
    };
    (1..=MOST_ATTEMPTS).contains(&attempt).then_some(attempt)
}

/// Parses the bytes of Java's `BigInteger`: two's complement, big-endian, of any length that fits.
fn big_integer(value: &[u8]) -> Option<i64> {
    let first = *value.first()?;
    let mut bytes = [if first >= 0x80 { 0xff } else { 0 }; 8];
    let start = bytes.len().checked_sub(value.len())?;
    bytes[start..].copy_from_slice(value);
    Some(i64::from_be_bytes(bytes))
}

/// Writes the bytes of `BigInteger.toByteArray`: no more than the number needs.
fn to_big_integer(number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let spare = |pair: &&[u8]| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]);
    let skip = bytes.windows(2).take_while(spare).count();
    bytes[skip..].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::error::HandlerError;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000_007;

    fn here() -> Origin<'static> {
        Origin {
            topic: "orders-billing-retry-1000",
            partition: 2,
            offset: 9,
            timestamp: Some(Timestamp::Create(NOW)),
            attempts: 0,
        }
    }

    fn written(timestamp: Option<Timestamp>, attempts: u32) -> Vec<Header> {
        let error = HandlerError::new("busy");
        let from = Provenance {
            topic: "orders",
            partition: 3,
            offset: 5_000_000_000,
            timestamp,
            group: "billing",
            error: &error,
            attempts,
            failed_at_ms: NOW,
        };
        write(&from, NOW + 10_000)
    }

    fn as_read(headers: &[Header]) -> Vec<(&str, Option<&[u8]>)> {
        let headers = headers.iter();
        headers.map(|(n, v)| (*n, Some(v.as_slice()))).collect()
    }

    #[test]
    fn what_is_written_has_springs_names_and_encodings_and_is_read_again() {
        let headers = written(Some(Timestamp::LogAppend(1_600_000_000_001)), 4);
        let fqcn = b"rws_kafka_consumer::HandlerError";
        let expected: [(&str, &[u8]); 13] = [
            ("kafka_original-topic", b"orders"),
            ("kafka_original-partition", &[0, 0, 0, 3]),
            ("kafka_original-offset", &[0, 0, 0, 1, 0x2A, 0x05, 0xF2, 0]),
            (
                "kafka_original-timestamp",
                &1_600_000_000_001_i64.to_be_bytes(),
            ),
            ("kafka_original-timestamp-type", b"LogAppendTime"),
            (
                "retry_topic-original-timestamp",
                &[0x01, 0x74, 0x87, 0x6E, 0x80, 0x01],
            ),
            ("kafka_dlt-original-consumer-group", b"billing"),
            ("kafka_exception-fqcn", fqcn),
            ("kafka_exception-cause-fqcn", fqcn),
            ("kafka_exception-message", b"busy"),
            ("kafka_exception-stacktrace", b"busy"),
            ("retry_topic-attempts", &[0, 0, 0, 5]),
            (
                "retry_topic-backoff-timestamp",
                &(NOW + 10_000).to_be_bytes()[2..],
            ),
        ];
        let read = as_read(&headers);
        let expected = expected.map(|(name, value)| (name, Some(value)));
        assert_eq!(read, expected);
        assert!(expected.iter().all(|(name, _)| is_ours(name)));

        let origin = here().read("orders", 1, read.iter().copied());
        assert_eq!(
            origin,
            Origin {
                topic: "orders",
                partition: 3,
                offset: 5_000_000_000,
                timestamp: Some(Timestamp::LogAppend(1_600_000_000_001)),
                attempts: 4,
            }
        );
        assert_eq!(due_ms(read.iter().copied()), Some(NOW + 10_000));
        assert!(own_headers(read.into_iter()).is_empty());
    }

    #[test]
    fn a_message_without_a_timestamp_has_none_later_either() {
        let headers = written(None, 1);
        assert!(
            headers
                .iter()
                .all(|(name, _)| !name.contains("original-timestamp"))
        );
        let origin = here().read("orders", 1, as_read(&headers).into_iter());
        assert_eq!((origin.timestamp, origin.attempts), (None, 1));
    }

    #[test]
    fn the_last_of_several_counts_and_what_the_message_came_with_stays() {
        let first = written(Some(Timestamp::Create(1)), 1);
        let second = written(Some(Timestamp::Create(2)), 2);
        let mut all = vec![("a", None)];
        all.extend(as_read(&first));
        all.push(("b", Some(&b"1"[..])));
        all.extend(as_read(&second));
        let origin = here().read("orders", 1, all.iter().copied());
        assert_eq!(origin.timestamp, Some(Timestamp::Create(2)));
        assert_eq!(origin.attempts, 2);
        // As if the original message had contained the first ones.
        let mut own = vec![("a", None)];
        own.extend(as_read(&first));
        own.push(("b", Some(&b"1"[..])));
        assert_eq!(own_headers(all.into_iter()), own);
    }

    #[test]
    fn one_header_stands_for_all_where_it_was_written_last() {
        let error = HandlerError::new("busy");
        for timestamp in [
            None,
            Some(Timestamp::LogAppend(5)),
            Some(Timestamp::Create(-6)),
        ] {
            let from = Provenance {
                topic: "orders",
                partition: 3,
                offset: 5_000_000_000,
                timestamp,
                group: "billing",
                error: &error,
                attempts: 4,
                failed_at_ms: NOW,
            };
            let (name, value) = write_short(&from, NOW + 10_000);
            let short = (name, Some(value.as_slice()));
            // The original message has headers of another group's retry topic.
            let came_with = written(Some(Timestamp::Create(1)), 1);
            let came_with = as_read(&came_with);
            let mut all = came_with.clone();
            all.push(short);
            let origin = here().read("orders", 1, all.iter().copied());
            assert_eq!((origin.partition, origin.offset), (3, 5_000_000_000));
            assert_eq!((origin.timestamp, origin.attempts), (timestamp, 4));
            assert_eq!(due_ms(all.iter().copied()), Some(NOW + 10_000));
            assert_eq!(group(all.iter().copied()), None);
            assert_eq!(own_headers(all.iter().copied()), came_with);

            // A header before all others is the message's own.
            all.rotate_right(1);
            let origin = here().read("orders", 1, all.iter().copied());
            assert_eq!(
                (origin.timestamp, origin.attempts),
                (Some(Timestamp::Create(1)), 1)
            );
            assert_eq!(own_headers(all.iter().copied()), [short]);
        }
        for other in [
            "",
            "1/2/3",
            "1/2/3/x",
            "-1/2/3/4",
            "1/2/3/4/",
            "1/2/3/4/X5",
            "1/2/3/4/C5/6",
        ] {
            assert!(Short::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn what_others_wrote_is_read_as_far_as_it_goes() {
        let read = |headers: &[(&str, Option<&[u8]>)], level| {
            let origin = here().read("orders", level, headers.iter().copied());
            (origin.topic == "orders", origin.offset, origin.attempts)
        };
        // No headers; only an offset; values of a wrong size; null values.
        assert_eq!(read(&[], 2), (false, 9, 2));
        assert_eq!(read(&[(OFFSET, Some(&[0; 8]))], 1), (false, 9, 1));
        let odd: [(&str, Option<&[u8]>); 5] = [
            (OFFSET, Some(b"12")),
            (PARTITION, None),
            (ATTEMPTS, Some(&[0, 0, 0, 0, 5])),
            (DUE, Some(&[])),
            (TIMESTAMP, Some(&[])),
        ];
        assert_eq!(read(&odd, 1), (false, 9, 1));
        assert_eq!(due_ms(odd.into_iter()), None);
        assert_eq!(due_ms([(DUE, Some(&[1_u8; 9][..]))].into_iter()), None);
        // From an earlier Spring, and less than the level of the topic.
        assert_eq!(read(&[(ATTEMPTS, Some(&[0xfe]))], 1).2, 253);
        assert_eq!(read(&[(ATTEMPTS, Some(&[1]))], 3).2, 3);
        assert_eq!(read(&[(ATTEMPTS, Some(&[0xff; 4]))], 1).2, 1);
        assert_eq!(read(&[(ATTEMPTS, Some(&[0; 4]))], 1).2, 1);
    }

    #[test]
    fn numbers_are_as_javas() {
        for (number, bytes) in [
            (0, &[0][..]),
            (-1, &[0xff]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (i64::MAX, &i64::MAX.to_be_bytes()),
            (i64::MIN, &i64::MIN.to_be_bytes()),
        ] {
            assert_eq!(to_big_integer(number), bytes, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number: i64) {
            prop_assert_eq!(big_integer(&to_big_integer(number)), Some(number));
        }

        #[test]
        fn no_value_is_too_odd(value: Vec<u8>, level in 1_u32..5) {
            for name in NAMES.into_iter().chain([SHORT]) {
                let headers = [(name, Some(value.as_slice()))];
                let origin = here().read("orders", level, headers.into_iter());
                prop_assert!(origin.attempts >= level);
                let _ = due_ms(headers.into_iter());
            }
        }
    }
}
