use crate::error::ProducerError;
use std::sync::Arc;

/// Where an acknowledged message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// The timestamp in milliseconds since 1970, when the broker told one.
    pub timestamp_ms: Option<i64>,
}

/// What [`ProducerConfig::on_delivery`](crate::ProducerConfig::on_delivery) is told of each message.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeliveryReport<'a> {
    /// The topic it was sent to.
    pub topic: &'a str,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its payload; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Where it stands, or why it failed for good.
    pub result: Result<Delivery, &'a ProducerError>,
}

/// Called once for each message when it has its outcome.
pub(crate) type OnDelivery = Arc<dyn Fn(&DeliveryReport<'_>) + Send + Sync>;

/// What a flush or close left undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "messages may be left undelivered"]
#[non_exhaustive]
pub struct FlushReport {
    /// Messages accepted and not acknowledged when the time was over.
    ///
    /// After a flush they are still being sent. After a close they are given up: each was reported
    /// as [`ProducerError::Undelivered`], and those that were on the wire may yet have arrived.
    pub undelivered: usize,
}

impl FlushReport {
    /// True when every accepted message was acknowledged or reported as failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.undelivered == 0
    }
}
