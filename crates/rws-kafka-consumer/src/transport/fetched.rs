use rdkafka::Timestamp as Kafkas;
use rws_kafka_dispatch::Timestamp;
use rws_kafka_native::Message;

/// A message in librdkafka's memory.
pub(crate) struct Fetched<'a>(Message<'a>);

impl<'a> Fetched<'a> {
    pub(super) fn new(message: Message<'a>) -> Self {
        Self(message)
    }

    pub(crate) fn offset(&self) -> i64 {
        self.0.offset()
    }

    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        self.0.key()
    }

    pub(crate) fn payload(&self) -> Option<&'a [u8]> {
        self.0.payload()
    }

    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        match self.0.timestamp() {
            Kafkas::NotAvailable => None,
            Kafkas::CreateTime(ms) => Some(Timestamp::Create(ms)),
            Kafkas::LogAppendTime(ms) => Some(Timestamp::LogAppend(ms)),
        }
    }

    /// Calls `take` with each header in its order. Returns the number of headers that were left out.
    ///
    /// Kafka's protocol forbids header names that are not UTF-8, but no broker checks them. Such a header is
    /// left out of the message. If no header can be read, all of them count as one.
    #[must_use]
    pub(crate) fn for_each_header(&self, mut take: impl FnMut(&str, Option<&[u8]>)) -> usize {
        let mut left_out = 0;
        let is_readable = self
            .0
            .for_each_header(|name, value| match std::str::from_utf8(name) {
                Ok(name) => take(name, value),
                Err(_) => left_out += 1,
            });
        left_out + usize::from(!is_readable)
    }
}
