//! Checks of a message before it is queued.

use crate::error::{InvalidTopic, ProducerError};
use crate::record::Record;
use rws_kafka_config::Properties;
use rws_kafka_observe::trace::TraceContext;

/// Checks that `topic` is a valid topic name.
///
/// # Errors
///
/// [`InvalidTopic`], which says what is wrong and what is allowed.
///
/// ```
/// use rws_kafka_producer::check_topic_name;
///
/// assert!(check_topic_name("orders.created").is_ok());
/// assert_eq!(
///     check_topic_name("orders created").unwrap_err().to_string(),
///     "the topic name \"orders created\" contains ' '; \
///      allowed are a-z, A-Z, 0-9, '.', '_' and '-'",
/// );
/// ```
pub fn check_topic_name(topic: &str) -> Result<(), InvalidTopic> {
    InvalidTopic::find(topic).map_or(Ok(()), Err)
}

/// Checks the topic's name, the headers' names and the timestamp.
pub(crate) fn check_record(record: &Record<'_>) -> Result<(), ProducerError> {
    check_topic_name(record.topic)?;
    if let Some(timestamp_ms) = record.timestamp_ms
        && !Record::TIMESTAMPS_MS.contains(&timestamp_ms)
    {
        return Err(ProducerError::InvalidTimestamp {
            topic: record.topic.to_owned(),
            timestamp_ms,
        });
    }
    match record.headers.iter().find(|(name, _)| name.contains('\0')) {
        None => Ok(()),
        Some((name, _)) => Err(ProducerError::InvalidHeader {
            topic: record.topic.to_owned(),
            name: (*name).to_owned(),
        }),
    }
}

/// Returns the size of the largest message that a client with `properties` accepts, in bytes.
pub(crate) fn max_message_bytes(properties: &Properties) -> usize {
    properties
        .get("message.max.bytes")
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or(1_000_000)
}

/// Checks that the message fits within `max_bytes`.
pub(crate) fn check_size(record: &Record<'_>, max_bytes: usize) -> Result<(), ProducerError> {
    let size = size(record.key, record.payload, record.headers.iter().copied());
    // At least librdkafka's own limit for the framing of a record and of each header.
    let framing = 64 + 16 * record.headers.len();
    let trace = TraceContext::current().map_or(0, |trace| {
        let headers = trace.headers();
        headers
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum()
    });
    if size + framing + trace > max_bytes {
        return Err(too_large(record.topic, size, max_bytes));
    }
    Ok(())
}

pub(crate) fn too_large(topic: &str, size: usize, max_bytes: usize) -> ProducerError {
    ProducerError::MessageTooLarge {
        topic: topic.to_owned(),
        size,
        limit: format!("the producer's message.max.bytes is {max_bytes}, framing included"),
    }
}

/// Returns the size of key, payload and headers, in bytes.
pub(crate) fn size<'a>(
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> usize {
    let headers: usize = headers
        .map(|(name, value)| name.len() + length(value))
        .sum();
    length(key) + length(payload) + headers
}

pub(crate) fn length(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}
