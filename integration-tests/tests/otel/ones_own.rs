//! Messages that already have a trace, such as those that a relay sends.

use crate::recorder::{TEST, record, span};
use crate::support::*;
use integration_tests::{Kafka, close, unique};

const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_message_keeps_its_own_trace_and_its_span_continues_that() {
    record();
    let topic = topic();
    let producer = Kafka::shared().producer();
    let sent = producer.send_with_headers(&topic, "key", "{}", [("traceparent", OWN)]);
    sent.unwrap();
    close(&producer);
    let sent = span(&format!("send {topic}"));
    assert_eq!(values(&headers(&topic, 1)[0], "traceparent"), [OWN]);
    assert_eq!(sent.trace_id(), &OWN[3..35]);
    assert_eq!(sent.parent().to_string(), &OWN[36..52]);
    assert_eq!(sent.links(), [sent.parent()]);
}

#[test]
fn in_a_span_its_span_is_of_that_and_linked_to_its_own_trace() {
    record();
    let topic = topic();
    let name = unique("relay");
    let producer = Kafka::shared().producer();
    tracing::info_span!(target: TEST, "", otel.name = name).in_scope(|| {
        let sent = producer.send_with_headers(&topic, "key", "{}", [("traceparent", OWN)]);
        sent.unwrap();
    });
    close(&producer);
    let (sent, relay) = (span(&format!("send {topic}")), span(&name));
    assert_eq!(values(&headers(&topic, 1)[0], "traceparent"), [OWN]);
    assert_eq!(
        (sent.parent(), sent.trace_id()),
        (relay.id(), relay.trace_id())
    );
    let links = sent.links();
    assert_eq!(
        links.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [&OWN[36..52]]
    );
}
