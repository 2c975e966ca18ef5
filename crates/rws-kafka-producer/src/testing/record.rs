use crate::record::Record;
use rws_kafka_observe::trace::TraceContext;
use std::fmt;

/// A message that a test's producer has sent, as a broker would store it.
#[derive(Clone, PartialEq, Eq)]
pub struct SentRecord {
    topic: String,
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp_ms: Option<i64>,
}

impl SentRecord {
    pub(super) fn new(record: &Record<'_>, context: Option<&TraceContext>) -> Self {
        let own = record.headers.iter();
        let own = own.map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec)));
        let of_context = context.into_iter().flat_map(TraceContext::headers);
        let of_context =
            of_context.map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec())));
        Self {
            topic: record.topic.to_owned(),
            partition: record.partition,
            key: record.key.map(<[u8]>::to_vec),
            payload: record.payload.map(<[u8]>::to_vec),
            headers: own.chain(of_context).collect(),
            timestamp_ms: record.timestamp_ms,
        }
    }

    /// Returns the topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the partition that the sender chose; `None` if the sender left the choice to the key.
    pub fn partition(&self) -> Option<i32> {
        self.partition
    }

    /// Returns the key.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// Returns the payload; `None` for a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// Returns the key as text.
    ///
    /// # Panics
    ///
    /// If there is no key, or it is not UTF-8.
    #[track_caller]
    pub fn key_str(&self) -> &str {
        self.text("key", self.key())
    }

    /// Returns the payload as text.
    ///
    /// # Panics
    ///
    /// If the message is a tombstone, or the payload is not UTF-8.
    #[track_caller]
    pub fn payload_str(&self) -> &str {
        self.text("payload", self.payload())
    }

    /// Returns the value that the payload contains as JSON.
    ///
    /// # Panics
    ///
    /// If the payload is not JSON of this type. The panic message contains the cause and the message.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn deserialize_json<T: serde::de::DeserializeOwned>(&self) -> T {
        let payload = self.payload().unwrap_or_default();
        rws_kafka_schema::json::decode(payload)
            .unwrap_or_else(|error| panic!("the payload of {self:?} cannot be decoded: {error}"))
    }

    /// Returns an iterator over the headers in order, with those of the trace at the end.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&[u8]>)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Returns the value of the last header with this name. The inner `None` is a null value.
    pub fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        let mut headers = self.headers().rev();
        headers.find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Returns the value of the last header with this name as text; `None` if there is no such header.
    ///
    /// # Panics
    ///
    /// If the value is null or not UTF-8.
    #[track_caller]
    pub fn header_str(&self, name: &str) -> Option<&str> {
        let value = self.header(name)?;
        Some(self.text(name, value))
    }

    /// Returns the timestamp that the sender chose, in milliseconds since 1970; `None` if it is the time of
    /// the send.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    #[track_caller]
    fn text<'a>(&self, what: &str, bytes: Option<&'a [u8]>) -> &'a str {
        let Some(bytes) = bytes else {
            panic!("{what} of {self:?} is null");
        };
        std::str::from_utf8(bytes)
            .unwrap_or_else(|error| panic!("{what} of {self:?} is not UTF-8: {error}"))
    }
}

/// Bytes, shown as text if they are UTF-8.
struct Shown<'a>(Option<&'a [u8]>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("null"),
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write!(f, "{text:?}"),
                Err(_) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            },
        }
    }
}

impl fmt::Debug for SentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.topic)?;
        if let Some(partition) = self.partition {
            write!(f, "-{partition}")?;
        }
        write!(f, " {:?}={:?}", Shown(self.key()), Shown(self.payload()))?;
        for (name, value) in self.headers() {
            write!(f, " {name}={:?}", Shown(value))?;
        }
        Ok(())
    }
}
