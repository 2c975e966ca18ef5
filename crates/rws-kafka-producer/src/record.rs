use crate::error;
use std::ops::RangeInclusive;

/// A type that can be the value of a header: text, bytes, or null (`None`).
///
/// Kafka distinguishes a null header value from an empty one, and so does this trait.
pub trait HeaderValue {
    /// Returns the bytes of the value; `None` for null.
    fn header_bytes(&self) -> Option<&[u8]>;
}

macro_rules! header_value {
    ($($type:ty),*) => {$(
        impl HeaderValue for $type {
            fn header_bytes(&self) -> Option<&[u8]> {
                Some(self.as_ref())
            }
        }
    )*};
}

header_value!(str, String, [u8], Vec<u8>);

impl<const N: usize> HeaderValue for [u8; N] {
    fn header_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<T: HeaderValue + ?Sized> HeaderValue for &T {
    fn header_bytes(&self) -> Option<&[u8]> {
        (**self).header_bytes()
    }
}

impl<T: HeaderValue> HeaderValue for Option<T> {
    fn header_bytes(&self) -> Option<&[u8]> {
        self.as_ref().and_then(HeaderValue::header_bytes)
    }
}

/// A message with all its parts. Use it for tombstones, for headers without a key, and to choose a partition
/// or a timestamp.
///
/// A record without a payload is a tombstone, which is different from an empty payload.
///
/// ```
/// use rws_kafka_producer::Record;
///
/// let tombstone = Record::to("customers").key("customer-7");
/// let event = Record::to("orders.created")
///     .payload(r#"{"order_id": 1}"#)
///     .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
///     .header("origin", &None::<&str>)
///     .partition(3)
///     .timestamp_ms(1_700_000_000_000);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a record does nothing until it is sent"]
pub struct Record<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) headers: Vec<(&'a str, Option<&'a [u8]>)>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp_ms: Option<i64>,
}

impl<'a> Record<'a> {
    /// The valid timestamps of a record: 1 to 253,402,300,799,999, in milliseconds since 1970.
    ///
    /// librdkafka reads 0 as "now", Kafka reserves negative numbers, and a number after the year 9999 is most
    /// likely in microseconds or nanoseconds. The topic's settings `message.timestamp.before.max.ms` and
    /// `message.timestamp.after.max.ms` (one hour by default since Kafka 4.0) limit how far a timestamp may
    /// be from the broker's clock.
    pub const TIMESTAMPS_MS: RangeInclusive<i64> = error::TIMESTAMPS_MS;

    /// Creates a record for `topic` with neither key nor payload.
    pub fn to(topic: &'a str) -> Self {
        Self {
            topic,
            key: None,
            payload: None,
            headers: Vec::new(),
            partition: None,
            timestamp_ms: None,
        }
    }

    /// Sets the key. Messages with the same key share a partition and so keep their order.
    pub fn key<K: AsRef<[u8]> + ?Sized>(mut self, key: &'a K) -> Self {
        self.key = Some(key.as_ref());
        self
    }

    /// Sets the payload. A record without a payload is a tombstone.
    pub fn payload<P: AsRef<[u8]> + ?Sized>(mut self, payload: &'a P) -> Self {
        self.payload = Some(payload.as_ref());
        self
    }

    /// Adds a header. Headers keep their order, and a name may occur more than once.
    ///
    /// `&None::<String>` adds a header with a null value, which is different from a missing header: use
    /// [`header_opt`](Self::header_opt) to add none.
    pub fn header<V: HeaderValue + ?Sized>(mut self, name: &'a str, value: &'a V) -> Self {
        self.headers.push((name, value.header_bytes()));
        self
    }

    /// Adds a header if `value` is `Some`, and does nothing otherwise.
    ///
    /// ```
    /// use rws_kafka_producer::Record;
    ///
    /// let tenant: Option<String> = None;
    /// let record = Record::to("orders").header_opt("tenant", tenant.as_deref());
    /// ```
    pub fn header_opt<V: HeaderValue + ?Sized>(self, name: &'a str, value: Option<&'a V>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Adds several headers, each as [`header`](Self::header) does.
    pub fn headers<N: AsRef<str>, V: HeaderValue>(self, headers: &'a [(N, V)]) -> Self {
        headers.iter().fold(self, |record, (name, value)| {
            record.header(name.as_ref(), value)
        })
    }

    /// Sets the partition. Otherwise the key selects it.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since 1970. Otherwise it is the current time.
    ///
    /// For a value outside [`TIMESTAMPS_MS`](Self::TIMESTAMPS_MS), sending the record returns
    /// [`InvalidTimestamp`](crate::ProducerError::InvalidTimestamp).
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }
}

/// An owned copy of a record that waits for room in the queue.
#[derive(Debug)]
pub(crate) struct OwnedRecord {
    topic: String,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
}

impl OwnedRecord {
    pub(crate) fn borrow(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_deref()))
                .collect(),
            partition: self.partition,
            timestamp_ms: self.timestamp_ms,
        }
    }
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> Self {
        Self {
            topic: record.topic.to_owned(),
            key: record.key.map(<[u8]>::to_vec),
            payload: record.payload.map(<[u8]>::to_vec),
            headers: record
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
            partition: record.partition,
            timestamp_ms: record.timestamp_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_a_value_is_null_or_left_out() {
        let none = None::<String>;
        let record = Record::to("t")
            .header("null", &none)
            .header_opt("left out", none.as_deref())
            .header_opt("a", Some("1"));
        assert_eq!(record.headers, [("null", None), ("a", Some(&b"1"[..]))]);
    }
}
