use crate::error::OutboxError;
use crate::strand::Strand;
use rws_kafka_observe::trace::{TRACEPARENT, TraceContext};
use rws_kafka_producer::{HeaderValue, check_topic_name};
use std::borrow::Cow;
use uuid::Uuid;

/// The header with the id of an event, as text. The id stays the same however often the event is sent.
pub const MESSAGE_ID_HEADER: &str = "rws-message-id";

/// The size of a record in a batch besides its own bytes, including the header with the id.
const OVERHEAD: usize = 128;

/// An event with all its parts. Use it for tombstones and for headers without a key.
///
/// An event without a payload is a tombstone, which is different from an empty payload. An event that is
/// enqueued in a [trace](rws_kafka_observe::trace::TraceContext) carries the trace, unless the event has a
/// header `traceparent`.
///
/// ```
/// use rws_kafka_outbox::Event;
///
/// let event = Event::to("orders.created")
///     .key("order-1")
///     .payload(r#"{"order_id": 1}"#)
///     .header("correlation-id", "7f3a");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an event does nothing until it is enqueued"]
pub struct Event {
    pub(crate) topic: String,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) header_names: Vec<String>,
    pub(crate) header_values: Vec<Option<Vec<u8>>>,
}

impl Event {
    /// Creates an event for `topic` with neither key nor payload.
    pub fn to(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            key: None,
            payload: None,
            header_names: Vec::new(),
            header_values: Vec::new(),
        }
    }

    /// Sets the key. Events of the same topic and key are sent in order.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(key.as_ref().to_vec());
        self
    }

    /// Sets the payload. An event without a payload is a tombstone.
    pub fn payload(mut self, payload: impl AsRef<[u8]>) -> Self {
        self.payload = Some(payload.as_ref().to_vec());
        self
    }

    /// Adds a header, whose value is text, bytes or null. A name may occur more than once. `None::<String>`
    /// adds a header with a null value; see [`header_opt`](Self::header_opt).
    pub fn header(mut self, name: impl Into<String>, value: impl HeaderValue) -> Self {
        self.header_names.push(name.into());
        self.header_values
            .push(value.header_bytes().map(<[u8]>::to_vec));
        self
    }

    /// Adds a header if `value` is `Some`, and does nothing otherwise.
    pub fn header_opt(self, name: impl Into<String>, value: Option<impl HeaderValue>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Returns the event with the headers of the [current trace](TraceContext::current), unless it has a
    /// `traceparent`.
    pub(crate) fn traced(&self) -> Cow<'_, Self> {
        let is_own = |name: &String| name.eq_ignore_ascii_case(TRACEPARENT);
        match TraceContext::current() {
            Some(context) if !self.header_names.iter().any(is_own) => {
                let add = |event: Self, (name, value)| event.header(name, value);
                Cow::Owned(context.headers().fold(self.clone(), add))
            }
            _ => Cow::Borrowed(self),
        }
    }

    pub(crate) fn strand(&self, id: Uuid) -> Strand {
        match &self.key {
            Some(key) => Strand::of_key(&self.topic, key),
            None => Strand::alone(id.as_bytes()),
        }
    }

    pub(crate) fn check(&self, limit: usize) -> Result<(), OutboxError> {
        check_topic_name(&self.topic)?;
        if let Some(name) = self.header_names.iter().find(|name| name.contains('\0')) {
            return Err(OutboxError::InvalidHeader {
                topic: self.topic.clone(),
                name: name.clone(),
            });
        }
        let names = self.header_names.iter().map(String::len);
        let values = self.header_values.iter().flatten().map(Vec::len);
        let bytes = [&self.key, &self.payload];
        let size = names.chain(values).sum::<usize>()
            + bytes.into_iter().flatten().map(Vec::len).sum::<usize>();
        if size + OVERHEAD > limit {
            return Err(OutboxError::TooLarge {
                topic: self.topic.clone(),
                size,
                limit: limit.saturating_sub(OVERHEAD),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_the_trace_that_it_is_enqueued_in_unless_it_has_its_own() {
        let event = Event::to("orders").header("a", "1");
        assert_eq!(*event.traced(), event);
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(traceparent, Some("vendor=value")).unwrap();
        let _scope = context.enter();
        let expected = event.clone().header("traceparent", traceparent);
        let expected = expected.header("tracestate", "vendor=value");
        assert_eq!(*event.traced(), expected);
        let own = event.header("Traceparent", "mine");
        assert_eq!(*own.traced(), own);
    }

    #[test]
    fn what_a_broker_would_refuse_is_refused_before_the_database() {
        let event = Event::to("orders").key("k").payload([0; 800]);
        assert!(event.check(1000).is_ok());
        let error = event.header("h", [0_u8; 100]).check(1000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an event of 902 bytes is too large for topic \"orders\"; allowed: 872 bytes"
        );
        assert!(Event::to("a b").check(1000).is_err());
        assert!(Event::to("a").header("x\0", "").check(1000).is_err());
    }
}
