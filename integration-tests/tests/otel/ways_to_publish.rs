use crate::recorder::{TEST, record, span, spans};
use crate::support::*;
use integration_tests::{Kafka, Registry, close, unique};
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka_producer::Record;
use std::collections::BTreeSet;

#[derive(serde::Serialize, serde::Deserialize, apache_avro::AvroSchema)]
struct Order {
    id: u64,
}

#[test]
fn each_way_to_publish_has_a_span_that_its_message_carries() {
    const MESSAGES: usize = 8;
    record();
    let topic = topic();
    let name = unique("handler");
    let producer = Kafka::shared().producer();
    let registry = SchemaRegistry::confluent(Registry::shared().url());
    let typed = producer.with_registry(registry);
    let order = Order { id: 1 };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    tracing::info_span!(target: TEST, "", otel.name = name).in_scope(|| {
        producer.send(&topic, "1").unwrap();
        producer.send_record(Record::to(&topic).key("2")).unwrap();
        producer.send_sync(&topic, "3").unwrap();
        runtime.block_on(producer.send_async(&topic, "4")).unwrap();
        producer.send_typed(&topic, &[5]).unwrap();
        typed.send_avro(&topic, &order).unwrap();
        typed.record(&topic).avro(&order).send_sync().unwrap();
        let sent = typed.record(&topic).avro(&order).send_async().unwrap();
        runtime.block_on(sent).unwrap();
    });
    close(&producer);
    let (handler, sent) = (span(&name), spans(&format!("send {topic}"), MESSAGES));
    assert_eq!(sent.len(), MESSAGES);
    let offset = |offset: i64| Some(offset.into());
    for (expected, span) in (0..).zip(&sent) {
        assert_eq!(span.parent(), handler.id());
        assert_eq!(span.attribute("messaging.kafka.offset"), offset(expected));
    }
    let tombstone = sent[1].attribute("messaging.kafka.message.tombstone");
    assert_eq!(tombstone, Some(true.into()));
    let carried = headers(&topic, MESSAGES);
    let carried = carried
        .iter()
        .flat_map(|headers| values(headers, "traceparent"));
    let spans: Vec<String> = sent.iter().map(|span| span.traceparent()).collect();
    assert_eq!(carried.collect::<Vec<_>>(), spans);
    let distinct: BTreeSet<&String> = spans.iter().collect();
    assert_eq!(distinct.len(), MESSAGES);
}

#[test]
fn a_message_of_no_trace_begins_one() {
    record();
    let topic = topic();
    let producer = Kafka::shared().producer();
    producer.send(&topic, "1").unwrap();
    close(&producer);
    let carried = headers(&topic, 1);
    let sent = span(&format!("send {topic}"));
    let processed = span(&format!("process {topic}"));
    assert_eq!(sent.parent().to_string(), "0".repeat(16));
    assert_eq!(values(&carried[0], "traceparent"), [sent.traceparent()]);
    assert_eq!(processed.parent(), sent.id());
    assert_eq!(processed.trace_id(), sent.trace_id());
}
