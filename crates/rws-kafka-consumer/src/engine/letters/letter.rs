//! A message that is sent to the dead letter queue or a retry topic, and the shortening of its headers.

use crate::failure::dead_letter::{Header, shortened};
use crate::partition::Batch;
use crate::retry;
use rws_kafka_observe::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use rws_kafka_producer::{DeliveryFuture, ProducerError, Record, TransactionalProducer};

/// A message that is dead-lettered or moved to a retry topic.
pub(crate) struct Letter {
    kind: LetterKind,
    topic: String,
    headers: Vec<Header>,
    /// The header that replaces all others if they do not fit.
    short: Option<Header>,
    shape: Shape,
    /// The headers of the current shape, unless it is [`Shape::Full`].
    shrunk: Vec<Header>,
    /// `true` if the message came from a retry topic, whose headers are removed.
    was_put_off: bool,
    /// The span of the last attempt, if OpenTelemetry records it.
    trace: Option<TraceContext>,
    pub(in crate::engine) refusals: u32,
    /// The delivery in flight, and the number of its producer.
    pub(in crate::engine) delivery: Option<(u64, DeliveryFuture)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetterKind {
    Dead,
    PutOff,
}

/// How many of its headers a letter still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Full,
    /// A short reason and no stack trace.
    Shortened,
    /// One header instead of all.
    Short,
    /// No headers.
    Bare,
}

/// The default size limit of a record batch: the broker's `message.max.bytes`.
const DEFAULT_LIMIT: usize = 1_048_588;

/// The size of an empty record batch in Kafka's format 2.
const BATCH_BYTES: usize = 61;

impl Letter {
    /// Creates a letter to the dead letter queue `topic`, or to a retry topic.
    pub(crate) fn to(topic: impl Into<String>, kind: LetterKind, headers: Vec<Header>) -> Self {
        Self {
            kind,
            topic: topic.into(),
            headers,
            short: None,
            shape: Shape::Full,
            shrunk: Vec::new(),
            was_put_off: false,
            trace: None,
            refusals: 0,
            delivery: None,
        }
    }

    /// Sets the header that replaces all others if they do not fit.
    pub(crate) fn or_short(mut self, header: Header) -> Self {
        self.short = Some(header);
        self
    }

    /// Makes the letter belong to `trace` instead of the message's own one.
    pub(crate) fn continues(&mut self, trace: Option<TraceContext>) {
        self.trace = trace;
    }

    /// Sets whether the message has headers of a retry topic, which are removed.
    pub(crate) fn leaves_retry_topic(&mut self, does: bool) {
        self.was_put_off = does;
    }

    pub(crate) fn kind(&self) -> LetterKind {
        self.kind
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    pub(crate) fn is_on_its_way(&self) -> bool {
        self.delivery.is_some()
    }

    fn shown(&self) -> &[Header] {
        match self.shape {
            Shape::Full => &self.headers,
            _ => &self.shrunk,
        }
    }

    /// Reduces the headers by one step that saves bytes: first the reason is shortened, then one header
    /// replaces all, then there is none. Returns `false` if there is nothing left to reduce.
    pub(in crate::engine) fn shrink(&mut self) -> bool {
        let before = bytes(self.shown());
        loop {
            let (shape, headers) = match self.shape {
                Shape::Full => (Shape::Shortened, shortened(&self.headers)),
                Shape::Shortened => (Shape::Short, self.short.iter().cloned().collect()),
                Shape::Short => (Shape::Bare, Vec::new()),
                Shape::Bare => return false,
            };
            let is_smaller = bytes(&headers) < before;
            (self.shape, self.shrunk) = (shape, headers);
            if is_smaller {
                return true;
            }
        }
    }

    /// Restores all headers.
    fn restore(&mut self) {
        self.shape = Shape::Full;
        self.shrunk.clear();
    }

    /// The error of a message that does not fit even without headers. All headers are restored for the next
    /// attempt, because the topic's limit may be higher then.
    pub(in crate::engine) fn does_not_fit(
        &mut self,
        error: ProducerError,
        batch: &Batch,
        index: u32,
    ) -> ProducerError {
        let least = self.batch_bytes(batch, index);
        self.restore();
        match error {
            ProducerError::MessageTooLarge { topic, size, limit } => {
                let limit = format!(
                    "{limit}. This size does not include the headers of a {}: max.message.bytes \
                     of the topic must be at least {least}",
                    match self.kind {
                        LetterKind::Dead => "dead letter",
                        LetterKind::PutOff => "retry",
                    }
                );
                ProducerError::MessageTooLarge { topic, size, limit }
            }
            other => other,
        }
    }

    /// Reduces the headers until `producer` and a topic with the default limit accept the letter: in a
    /// transaction the broker's answer comes too late. A message that exceeds the default limit on its own
    /// keeps all headers, because its topics must have another limit.
    pub(in crate::engine) fn fit(
        &mut self,
        batch: &Batch,
        index: u32,
        producer: &TransactionalProducer,
    ) {
        loop {
            let is_checked = producer
                .check(&self.record(batch, index), usize::MAX)
                .is_ok();
            if is_checked && self.batch_bytes(batch, index) <= DEFAULT_LIMIT {
                return;
            }
            if !self.shrink() {
                self.restore();
                break;
            }
        }
        // The producer's own limit applies in any case.
        while producer
            .check(&self.record(batch, index), usize::MAX)
            .is_err()
            && self.shrink()
        {}
    }

    /// A description of the reduced headers; `None` if all fit.
    pub(in crate::engine) fn shrunk_to(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Full => None,
            Shape::Shortened => Some("with a shortened reason"),
            Shape::Short => Some("with one header instead of all others"),
            Shape::Bare => Some("without a header that names its origin"),
        }
    }

    /// The size of a record batch that contains only this letter.
    fn batch_bytes(&self, batch: &Batch, index: u32) -> usize {
        let field = |bytes: Option<&[u8]>| {
            let length = bytes.map_or(0, <[u8]>::len);
            varint_bytes(length) + length
        };
        let header = |name: &str, value: Option<&[u8]>| field(Some(name.as_bytes())) + field(value);
        let own = self.own_headers(batch, index);
        let count = own.len() + self.shown().len();
        let own: usize = own.iter().map(|(name, value)| header(name, *value)).sum();
        let ours = self.shown().iter();
        let ours: usize = ours.map(|(name, value)| header(name, Some(value))).sum();
        let trace = self.trace.iter().flat_map(TraceContext::headers);
        let trace: usize = trace
            .map(|(name, value)| header(name, Some(value.as_bytes())))
            .sum();
        // One byte each for the attributes and for the differences to the batch's time and offset, which are
        // 0.
        let record = 3
            + field(batch.key(index))
            + field(batch.payload(index))
            + varint_bytes(count)
            + own
            + ours
            + trace;
        BATCH_BYTES + varint_bytes(record) + record
    }

    /// The message's own headers, without those of its trace if the letter has one.
    fn own_headers<'a>(&self, batch: &'a Batch, index: u32) -> Vec<(&'a str, Option<&'a [u8]>)> {
        let of_trace = |name: &str| {
            let names = [TRACEPARENT, TRACESTATE];
            names.iter().any(|of| name.eq_ignore_ascii_case(of))
        };
        let mut own: Vec<_> = match self.was_put_off {
            true => retry::own_headers(batch.headers(index)),
            false => batch.headers(index).collect(),
        };
        if self.trace.is_some() {
            own.retain(|(name, _)| !of_trace(name));
        }
        own
    }

    /// The letter of the message at `index` as a record: the original message, followed by the letter's
    /// headers. Its timestamp is the time of sending, which every topic accepts and from which the retention
    /// counts. A header contains the message's own timestamp.
    pub(crate) fn record<'a>(&'a self, batch: &'a Batch, index: u32) -> Record<'a> {
        let mut record = Record::to(&self.topic);
        if let Some(key) = batch.key(index) {
            record = record.key(key);
        }
        if let Some(payload) = batch.payload(index) {
            record = record.payload(payload);
        }
        for (name, value) in self.own_headers(batch, index) {
            record = match value {
                Some(value) => record.header(name, value),
                None => record.header(name, &None::<&[u8]>),
            };
        }
        for (name, value) in self.shown() {
            record = record.header(name, value);
        }
        record
    }
}

fn bytes(headers: &[Header]) -> usize {
    let headers = headers.iter();
    headers.map(|(name, value)| name.len() + value.len()).sum()
}

/// The size of a length in a record, as a zigzag varint.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - (length << 1 | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::dead_letter::{DeadLetterHeaders, Provenance, origin_header};
    use crate::handler::error::HandlerError;

    fn letter(form: DeadLetterHeaders, reason: &str) -> Letter {
        let error = HandlerError::new(reason);
        let from = Provenance {
            topic: "orders",
            partition: 3,
            offset: 17,
            timestamp: None,
            group: "fulfilment",
            error: &error,
            attempts: 4,
            failed_at_ms: 1_700_000_000_007,
        };
        let headers = form.write(&from);
        Letter::to("dlq", LetterKind::Dead, headers).or_short(origin_header(&from))
    }

    fn names(letter: &Letter) -> Vec<&str> {
        letter.shown().iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn headers_shrink_step_by_step_the_reason_first() {
        for form in [DeadLetterHeaders::Text, DeadLetterHeaders::Spring] {
            let mut letter = letter(form, &"long ".repeat(200));
            let all = names(&letter).len();
            let mut before = bytes(letter.shown());
            let mut steps = Vec::new();
            while letter.shrink() {
                let now = bytes(letter.shown());
                assert!(now < before, "{now} after {before}");
                before = now;
                steps.push(names(&letter).len());
                if let Some((_, reason)) = letter.shown().iter().find(|(name, _)| {
                    name.ends_with("error-reason") || name.ends_with("exception-message")
                }) {
                    let reason = String::from_utf8_lossy(reason);
                    assert!(reason.starts_with("long long "), "{reason}");
                    assert!(reason.ends_with("close to the size limit]"), "{reason}");
                }
            }
            let dropped = usize::from(form == DeadLetterHeaders::Spring) * 2;
            assert_eq!(steps, [all - dropped, 1, 0], "{form:?}");
            let words = "without a header that names its origin";
            assert_eq!(letter.shrunk_to(), Some(words));
            letter.restore();
            assert_eq!(names(&letter).len(), all);
        }
    }

    #[test]
    fn a_short_reason_is_not_shortened() {
        let mut letter = letter(DeadLetterHeaders::Text, "busy");
        assert!(letter.shrink());
        let expected: &[Header] = &[("rws-dlq-origin", b"orders/3/17".to_vec())];
        assert_eq!(letter.shown(), expected);
    }

    #[test]
    fn lengths_are_counted_as_kafka_writes_them() {
        for (length, bytes) in [(0, 1), (63, 1), (64, 2), (8_191, 2), (8_192, 3)] {
            assert_eq!(varint_bytes(length), bytes, "{length}");
        }
    }
}
