use crate::record::Record;
use rws_kafka_observe::trace::TraceContext;
use std::fmt;

/// A message that was sent, as a broker would have it.
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

    /// The topic it was sent to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition that its sender chose; `None` where that was left to the key.
    pub fn partition(&self) -> Option<i32> {
        self.partition
    }

    /// Its key.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// Its payload; `None` for a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// Its key as text.
    ///
    /// # Panics
    ///
    /// Where it has none, and where that is not UTF-8.
    #[track_caller]
    pub fn key_str(&self) -> &str {
        self.text("key", self.key())
    }

    /// Its payload as text.
    ///
    /// # Panics
    ///
    /// For a tombstone, and where the payload is not UTF-8.
    #[track_caller]
    pub fn payload_str(&self) -> &str {
        self.text("payload", self.payload())
    }

    /// Returns the value that its payload holds as JSON.
    ///
    /// # Panics
    ///
    /// Where it holds none of this type: with what is wrong, and the message.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn deserialize_json<T: serde::de::DeserializeOwned>(&self) -> T {
        let payload = self.payload().unwrap_or_default();
        rws_kafka_schema::json::decode(payload)
            .unwrap_or_else(|error| panic!("the payload of {self:?} does not decode: {error}"))
    }

    /// Its headers in their order, those of its trace at the end.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&str, Option<&[u8]>)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// The value of the last header of this name; the inner `None` is a null value.
    pub fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        let mut headers = self.headers().rev();
        headers.find_map(|(other, value)| (other == name).then_some(value))
    }

    /// The same as text; `None` where there is no such header.
    ///
    /// # Panics
    ///
    /// Where its value is null or not UTF-8.
    #[track_caller]
    pub fn header_str(&self, name: &str) -> Option<&str> {
        let value = self.header(name)?;
        Some(self.text(name, value))
    }

    /// The timestamp that its sender chose, in milliseconds since 1970; `None` where that is the time of
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
            .unwrap_or_else(|error| panic!("{what} of {self:?} is no text: {error}"))
    }
}

/// Bytes as text where they are some.
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
