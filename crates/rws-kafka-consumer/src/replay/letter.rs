use crate::failure::dead_letter::{ORIGIN, ShortOrigin};
use crate::retry;
use rws_kafka_dispatch::{Timestamp, TopicPartition};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The header of a replayed message that counts its replays, in decimal.
pub(super) const REPLAY_COUNT: &str = "rws-replay-count";

const TEXT: &str = "rws-dlq-";
const SPRING: &str = "kafka_dlt-";
const SPRING_ATTEMPTS: &str = "kafka_deliveryAttempt";

/// A message in a dead letter queue, with the headers that say where it came from.
///
/// Both forms of [`DeadLetterHeaders`](crate::DeadLetterHeaders) are read. If a dead letter contains both, or
/// a header twice, the last ones count, because they were written last. A dead letter with `rws-dlq-origin`
/// instead of the other headers has no reason, group or number of attempts.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub(crate) at: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Spring,
    /// A single header instead of all others.
    Short,
}

impl DeadLetter {
    /// Returns the dead letter's partition in the queue.
    pub fn partition(&self) -> &TopicPartition {
        &self.at
    }

    /// Returns the dead letter's offset in the queue.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Returns the key of the message; `None` if it has none.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// Returns the payload of the message; `None` for a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// Returns the value of the last header with this name; `None` if there is none or its value is null.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter().rev();
        headers.find(|(other, _)| other == name)?.1.as_deref()
    }

    /// Returns the topic that the message came from; `None` if no header contains it as valid text.
    pub fn original_topic(&self) -> Option<&str> {
        if let Some(short) = self.short() {
            return Some(short.topic);
        }
        std::str::from_utf8(self.of_origin("original-topic")?).ok()
    }

    /// Returns the partition that the message came from; `None` if no header contains it.
    pub fn original_partition(&self) -> Option<i32> {
        if let Some(short) = self.short() {
            return Some(short.partition);
        }
        let value = self.of_origin("original-partition")?;
        match self.form()? {
            Form::Spring => Some(i32::from_be_bytes(value.try_into().ok()?)),
            _ => std::str::from_utf8(value).ok()?.parse().ok(),
        }
    }

    /// Returns the offset of the message in that partition; `None` if no header contains it.
    pub fn original_offset(&self) -> Option<i64> {
        if let Some(short) = self.short() {
            return Some(short.offset);
        }
        self.number("original-offset")
    }

    /// Returns the timestamp of the original message in milliseconds since 1970; `None` if no header contains
    /// it.
    ///
    /// The timestamp of the record in the queue is the time at which the dead letter was published.
    pub fn original_timestamp_ms(&self) -> Option<i64> {
        match self.short() {
            Some(short) => short.timestamp_ms,
            None => self.number("original-timestamp"),
        }
    }

    /// Returns the time at which the message was dead-lettered, in milliseconds since 1970. `None` for dead
    /// letters in Spring's form, which do not contain it.
    pub fn failed_at_ms(&self) -> Option<i64> {
        match self.form()? {
            Form::Text => self.number("failed-at"),
            Form::Spring => None,
            // The dead letter was published at that time.
            Form::Short => self.timestamp.map(Timestamp::ms),
        }
    }

    /// Returns the group that dead-lettered the message; `None` if no header contains it.
    pub fn group(&self) -> Option<&str> {
        let name = match self.form()? {
            Form::Text | Form::Short => "consumer-group",
            Form::Spring => "original-consumer-group",
        };
        std::str::from_utf8(self.of_origin(name)?).ok()
    }

    /// Returns the error with which the message was dead-lettered; `None` if no header contains it.
    pub fn reason(&self) -> Option<&str> {
        let name = match self.form()? {
            Form::Text | Form::Short => "error-reason",
            Form::Spring => "exception-message",
        };
        std::str::from_utf8(self.of_origin(name)?).ok()
    }

    /// Returns how often the message was replayed already; `None` if its header is not a valid number.
    pub fn replays(&self) -> Option<u32> {
        let mut headers = self.headers.iter().rev();
        match headers.find(|(name, _)| name == REPLAY_COUNT) {
            None => Some(0),
            Some((_, value)) => std::str::from_utf8(value.as_deref()?).ok()?.parse().ok(),
        }
    }

    /// The size of the key, payload and headers in bytes.
    pub(super) fn bytes(&self) -> usize {
        let length = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.len() + length(value))
            .sum();
        length(&self.key) + length(&self.payload) + headers
    }

    /// The message's own headers, without those of dead letters, retry topics and earlier replays.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let headers = self.headers.iter();
        let own = headers.filter(|(name, _)| {
            !name.starts_with(TEXT)
                && !name.starts_with(SPRING)
                && name != SPRING_ATTEMPTS
                && name != REPLAY_COUNT
                && !retry::is_ours(name)
        });
        own.map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// The form of the headers that were written last.
    fn form(&self) -> Option<Form> {
        self.headers.iter().rev().find_map(|(name, _)| {
            if name.strip_prefix(TEXT) == Some("original-topic") {
                Some(Form::Text)
            } else if name.strip_prefix(SPRING) == Some("original-topic") {
                Some(Form::Spring)
            } else {
                (name == ORIGIN).then_some(Form::Short)
            }
        })
    }

    fn short(&self) -> Option<ShortOrigin<'_>> {
        match self.form()? {
            Form::Short => ShortOrigin::parse(self.header(ORIGIN)?),
            Form::Text | Form::Spring => None,
        }
    }

    fn of_origin(&self, what: &str) -> Option<&[u8]> {
        let prefix = match self.form()? {
            Form::Text => TEXT,
            Form::Spring => SPRING,
            Form::Short => return None,
        };
        let mut headers = self.headers.iter().rev();
        let found = headers.find(|(name, _)| name.strip_prefix(prefix) == Some(what));
        found?.1.as_deref()
    }

    fn number(&self, what: &str) -> Option<i64> {
        let value = self.of_origin(what)?;
        match self.form()? {
            Form::Spring => Some(i64::from_be_bytes(value.try_into().ok()?)),
            _ => std::str::from_utf8(value).ok()?.parse().ok(),
        }
    }
}

/// The time `ms` milliseconds after 1970, or before it if `ms` is negative.
pub(super) fn time(ms: i64) -> SystemTime {
    let distance = Duration::from_millis(ms.unsigned_abs());
    let time = match ms >= 0 {
        true => UNIX_EPOCH.checked_add(distance),
        false => UNIX_EPOCH.checked_sub(distance),
    };
    // Out of the system's range.
    time.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::failure::dead_letter::{DeadLetterHeaders, Provenance};
    use crate::handler::error::HandlerError;

    pub(crate) fn letter(headers: Vec<(String, Option<Vec<u8>>)>) -> DeadLetter {
        DeadLetter {
            at: TopicPartition::new("orders.dlq", 0),
            offset: 7,
            key: None,
            payload: None,
            headers,
            timestamp: Some(Timestamp::Create(5)),
        }
    }

    pub(crate) fn headers_of(
        form: DeadLetterHeaders,
        topic: &str,
    ) -> Vec<(String, Option<Vec<u8>>)> {
        let error = HandlerError::new("no such order");
        let headers = form.write(&Provenance {
            topic,
            partition: 3,
            offset: 5_000_000_000,
            timestamp: Some(Timestamp::Create(1_600_000_000_001)),
            group: "fulfilment",
            error: &error,
            attempts: 4,
            failed_at_ms: 1_700_000_000_007,
        });
        let owned = headers.into_iter();
        owned.map(|(n, v)| (n.to_owned(), Some(v))).collect()
    }

    #[test]
    fn both_forms_tell_the_same() {
        for (form, failed_at) in [
            (DeadLetterHeaders::Text, Some(1_700_000_000_007)),
            (DeadLetterHeaders::Spring, None),
        ] {
            let letter = letter(headers_of(form, "orders"));
            assert_eq!(letter.original_topic(), Some("orders"));
            assert_eq!(letter.original_partition(), Some(3));
            assert_eq!(letter.original_offset(), Some(5_000_000_000));
            assert_eq!(letter.original_timestamp_ms(), Some(1_600_000_000_001));
            assert_eq!(letter.group(), Some("fulfilment"));
            assert_eq!(letter.reason(), Some("no such order"));
            assert_eq!(letter.failed_at_ms(), failed_at);
            assert_eq!(letter.replays(), Some(0));
            assert_eq!(letter.own_headers().count(), 0);
        }
    }

    #[test]
    fn of_several_headers_the_last_hold_and_the_messages_own_stay() {
        let mut headers = vec![("a".to_owned(), None)];
        headers.extend(headers_of(DeadLetterHeaders::Text, "first"));
        headers.push((REPLAY_COUNT.to_owned(), Some(b"2".to_vec())));
        headers.push(("a".to_owned(), Some(b"1".to_vec())));
        headers.extend(headers_of(DeadLetterHeaders::Spring, "second"));
        let letter = letter(headers);
        assert_eq!(letter.original_topic(), Some("second"));
        assert_eq!(letter.failed_at_ms(), None);
        assert_eq!(letter.replays(), Some(2));
        let own: Vec<_> = letter.own_headers().collect();
        assert_eq!(own, [("a", None), ("a", Some(&b"1"[..]))]);
    }

    #[test]
    fn one_header_may_stand_for_all_where_it_comes_last() {
        let mut headers = headers_of(DeadLetterHeaders::Text, "first");
        headers.push((ORIGIN.to_owned(), Some(b"orders/3/17/-5".to_vec())));
        let short = letter(headers.clone());
        assert_eq!(short.original_topic(), Some("orders"));
        assert_eq!(short.original_partition(), Some(3));
        assert_eq!(short.original_offset(), Some(17));
        assert_eq!(short.original_timestamp_ms(), Some(-5));
        assert_eq!(short.failed_at_ms(), Some(5));
        assert_eq!((short.reason(), short.group()), (None, None));
        assert_eq!(short.own_headers().count(), 0);
        headers.rotate_right(1);
        assert_eq!(letter(headers).original_topic(), Some("first"));
        let broken = (ORIGIN.to_owned(), Some(b"orders".to_vec()));
        assert_eq!(letter(vec![broken]).original_topic(), None);
    }

    #[test]
    fn what_does_not_parse_is_not_told() {
        let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
        let letter = letter(vec![
            header("kafka_dlt-original-topic", b"\xff"),
            header("kafka_dlt-original-partition", b"3"),
            header("kafka_dlt-original-offset", b"12"),
            header(REPLAY_COUNT, b"many"),
        ]);
        assert_eq!(letter.original_topic(), None);
        assert_eq!(letter.original_partition(), None);
        assert_eq!(letter.original_offset(), None);
        assert_eq!(letter.original_timestamp_ms(), None);
        assert_eq!(letter.replays(), None);
    }
}
