use crate::error;
use std::ops::RangeInclusive;

/// A value that a header can have: text, bytes, or null (`None`).
///
/// Kafka tells a null header value from an empty one, and so does this.
pub trait HeaderValue {
    /// The bytes of the value; `None` for null.
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

/// A message in full: for tombstones, headers without a key, a chosen partition or timestamp.
///
/// A record without a payload is a tombstone, which is not the same as an empty payload.
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
    /// The timestamps that a record can have: 1 to 253,402,300,799,999, in milliseconds since 1970.
    ///
    /// librdkafka reads 0 as "now", Kafka keeps negative numbers for itself, and a larger number,
    /// after the year 9999, is one of microseconds or nanoseconds. How far a timestamp may be from
    /// the broker's clock is the topic's setting: `message.timestamp.before.max.ms` and
    /// `message.timestamp.after.max.ms`, the latter one hour by default since Kafka 4.0.
    pub const TIMESTAMPS_MS: RangeInclusive<i64> = error::TIMESTAMPS_MS;

    /// A record for `topic` with neither key nor payload.
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

    /// The key: messages of one key keep their order, as they share a partition.
    pub fn key<K: AsRef<[u8]> + ?Sized>(mut self, key: &'a K) -> Self {
        self.key = Some(key.as_ref());
        self
    }

    /// The payload. Without one, the record is a tombstone.
    pub fn payload<P: AsRef<[u8]> + ?Sized>(mut self, payload: &'a P) -> Self {
        self.payload = Some(payload.as_ref());
        self
    }

    /// One more header. Headers keep their order, and a name may come twice.
    ///
    /// `&None::<String>` gives it a null value, which readers tell from a header that is not there:
    /// [`header_opt`](Self::header_opt) leaves it out.
    pub fn header<V: HeaderValue + ?Sized>(mut self, name: &'a str, value: &'a V) -> Self {
        self.headers.push((name, value.header_bytes()));
        self
    }

    /// One more header where there is a value, and none at `None`.
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

    /// More headers, each as by [`header`](Self::header).
    pub fn headers<N: AsRef<str>, V: HeaderValue>(self, headers: &'a [(N, V)]) -> Self {
        headers.iter().fold(self, |record, (name, value)| {
            record.header(name.as_ref(), value)
        })
    }

    /// The partition, in place of the one that the key chooses.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The timestamp in milliseconds since 1970, in place of the present time.
    ///
    /// One outside [`TIMESTAMPS_MS`](Self::TIMESTAMPS_MS) is
    /// [`InvalidTimestamp`](crate::ProducerError::InvalidTimestamp) when the record is sent.
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }
}

/// A copy of a record that outlives its caller: what waits for room in the queue.
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
