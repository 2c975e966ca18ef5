use crate::headers;
use crate::layout::has_no_headers;
use rdkafka::Timestamp;
use rdkafka::bindings::{
    rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, c_void};
use std::fmt;
use std::slice;

/// A message in librdkafka's memory, or an error in place of one.
#[derive(Clone, Copy)]
pub struct Message<'a>(&'a rd_kafka_message_t, Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A consumer returned it.
    Fetched,
    /// It may also be the message of a delivery report.
    Any,
}

impl<'a> Message<'a> {
    /// # Safety
    ///
    /// `message` must be a message of librdkafka, of the right kind, which is not destroyed within `'a`.
    pub(crate) unsafe fn new(message: *const rd_kafka_message_t, kind: Kind) -> Self {
        // SAFETY: promised by the caller. librdkafka does not change a message that it has handed out, but
        // for its parsed headers, which are not part of this struct.
        Self(unsafe { &*message }, kind)
    }

    /// Returns the error, if this is no message: what failed, such as the fetch of a partition.
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        let is_error = self.0.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        is_error.then(|| self.0.err.into())
    }

    /// Returns the offset.
    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    /// Returns the key; `None` for null.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka describes the key, which lives as long as the message.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    /// Returns the payload; `None` for null, as in a tombstone. An error's is its description.
    pub fn payload(&self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka describes the payload, which lives as long as the message.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    /// Returns the timestamp.
    pub fn timestamp(&self) -> Timestamp {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and `kind` is written during the call.
        let ms = unsafe { rd_kafka_message_timestamp(self.0, &mut kind) };
        match kind {
            _ if ms == -1 => Timestamp::NotAvailable,
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(ms),
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => {
                Timestamp::LogAppendTime(ms)
            }
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::NotAvailable,
        }
    }

    /// Calls `take` with the name and the value of each header, in order. Kafka's protocol wants names in
    /// UTF-8, which no broker checks. Returns `false` if the headers cannot be read.
    #[must_use]
    pub fn for_each_header(&self, take: impl FnMut(&'a [u8], Option<&'a [u8]>)) -> bool {
        let is_empty = self.1 == Kind::Fetched && self.error().is_none() && has_no_headers(self.0);
        is_empty || headers::for_each(self.0, take)
    }
}

impl<'a> From<&'a BorrowedMessage<'_>> for Message<'a> {
    fn from(message: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: rdkafka destroys the message only after the borrow has ended.
        unsafe { Self::new(message.ptr(), Kind::Any) }
    }
}

/// # Safety
///
/// `start` must be null or the start of `length` bytes that are not changed within `'a`.
pub(crate) unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller, and not null.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: a message belongs to a topic, or to none.
        let topic = (!self.0.rkt.is_null()).then(|| unsafe { rd_kafka_topic_name(self.0.rkt) });
        // SAFETY: librdkafka's name of a topic ends with NUL and lives as long as the topic.
        let topic = topic.map(|name| unsafe { CStr::from_ptr(name) });
        f.debug_struct("Message")
            .field("topic", &topic)
            .field("partition", &self.0.partition)
            .field("offset", &self.0.offset)
            .finish_non_exhaustive()
    }
}
