use crate::quiet::catch_quietly;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rws_kafka_dispatch::Timestamp;

/// A message in librdkafka's memory.
pub(crate) struct Fetched<'a>(BorrowedMessage<'a>);

impl<'a> Fetched<'a> {
    pub(super) fn new(message: BorrowedMessage<'a>) -> Self {
        Self(message)
    }
}

impl Fetched<'_> {
    pub(crate) fn topic(&self) -> &str {
        self.0.topic()
    }

    /// The address of librdkafka's topic. It is the same for all messages of a topic while it is assigned,
    /// and so avoids comparing names.
    pub(crate) fn topic_address(&self) -> usize {
        self.0.topic_ptr() as usize
    }

    pub(crate) fn partition(&self) -> i32 {
        self.0.partition()
    }

    pub(crate) fn offset(&self) -> i64 {
        self.0.offset()
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        self.0.payload()
    }

    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        match self.0.timestamp() {
            rdkafka::Timestamp::NotAvailable => None,
            rdkafka::Timestamp::CreateTime(ms) => Some(Timestamp::Create(ms)),
            rdkafka::Timestamp::LogAppendTime(ms) => Some(Timestamp::LogAppend(ms)),
        }
    }

    /// Calls `take` with each header in its order. Returns the number of headers that were left out.
    ///
    /// rdkafka panics if a header name is not UTF-8. Kafka's protocol forbids such names, but no broker
    /// checks them. Such a header is left out of the message.
    #[must_use]
    pub(crate) fn for_each_header(&self, mut take: impl FnMut(&str, Option<&[u8]>)) -> usize {
        let Some(headers) = self.0.headers() else {
            return 0;
        };
        let mut left_out = 0;
        for index in 0..headers.count() {
            match catch_quietly(|| headers.get(index)) {
                Some(header) => take(header.key, header.value),
                None => left_out += 1,
            }
        }
        left_out
    }
}
