use crate::error::ProducerError;
use std::sync::Arc;

/// The position of an acknowledged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// The timestamp in milliseconds since 1970, if the broker returned one.
    pub timestamp_ms: Option<i64>,
}

/// The argument of [`ProducerConfig::on_delivery`](crate::ProducerConfig::on_delivery): one message and its
/// outcome.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeliveryReport<'a> {
    /// The topic that the message was sent to.
    pub topic: &'a str,
    /// The message's key.
    pub key: Option<&'a [u8]>,
    /// The message's payload; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The position of the message, or why it failed permanently.
    pub result: Result<Delivery, &'a ProducerError>,
}

/// A callback that is called once for each message, with its outcome.
pub(crate) type OnDelivery = Arc<dyn Fn(&DeliveryReport<'_>) + Send + Sync>;

/// The number of messages that a flush or close left undelivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "messages may be left undelivered"]
#[non_exhaustive]
pub struct FlushReport {
    /// The number of messages that were accepted but not acknowledged when the time was over.
    ///
    /// After a flush, the producer keeps sending them. After a close, it has discarded them: each was
    /// reported as [`ProducerError::Undelivered`], although the broker may have stored those that were
    /// already on the wire.
    pub undelivered: usize,
}

impl FlushReport {
    /// Returns `true` if every accepted message was acknowledged or reported as failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.undelivered == 0
    }
}
