//! Which headers the messages of each way to publish carry.

use crate::support::*;
use integration_tests::{Kafka, Registry, close};
use rws_kafka::KafkaProducer;
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::trace::TraceContext;
use rws_kafka_producer::Record;

#[derive(serde::Serialize, serde::Deserialize, apache_avro::AvroSchema)]
struct Order {
    id: u64,
}

#[test]
fn whatever_way_it_is_published_a_message_carries_the_current_context() {
    let topic = topic();
    let topic = topic.as_str();
    let producer = Kafka::shared().producer();
    let registry = SchemaRegistry::confluent(Registry::shared().url());
    let typed = producer.with_registry(registry);
    let order = Order { id: 1 };
    let scope = context().enter();
    producer.send(topic, "1").unwrap();
    producer.send_keyed(topic, "key", "2").unwrap();
    producer.send_record(Record::to(topic).key("3")).unwrap();
    producer.send_sync(topic, "4").unwrap();
    block_on(producer.send_async(topic, "5")).unwrap();
    producer.send_typed(topic, &[6]).unwrap();
    producer.send_typed_keyed(topic, "key", &[7]).unwrap();
    typed.send_avro(topic, &order).unwrap();
    typed.send_avro_keyed(topic, "key", &order).unwrap();
    typed.record(topic).avro(&order).send().unwrap();
    typed.record(topic).avro(&order).send_sync().unwrap();
    block_on(typed.record(topic).avro(&order).send_async().unwrap()).unwrap();
    drop(scope);
    close(&producer);
    assert_eq!(headers(topic, 12), vec![carried(); 12]);
}

#[test]
fn headers_of_ones_own_are_kept_beside_it_and_a_traceparent_among_them_wins() {
    const OTHER: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";
    let topic = topic();
    let producer = Kafka::shared().producer();
    {
        let _scope = context().enter();
        let send = |headers: &[(&str, &str)]| {
            let headers = headers.iter().copied();
            producer.send_with_headers(&topic, "key", "payload", headers)
        };
        send(&[("origin", "web")]).unwrap();
        send(&[("traceparent", OTHER), ("origin", "web")]).unwrap();
        send(&[("TraceParent", "what I like")]).unwrap();
    }
    close(&producer);
    let beside = [pairs([("origin", "web")]), carried()].concat();
    let own = pairs([("traceparent", OTHER), ("origin", "web")]);
    let odd = pairs([("TraceParent", "what I like")]);
    assert_eq!(headers(&topic, 3), [beside, own, odd]);
}

#[test]
fn without_a_tracestate_there_is_no_header_for_it() {
    let topic = topic();
    let producer = Kafka::shared().producer();
    {
        let context = TraceContext::parse(TRACEPARENT, None).unwrap();
        let _scope = context.enter();
        producer.send(&topic, "1").unwrap();
    }
    close(&producer);
    assert_eq!(headers(&topic, 1), [pairs([("traceparent", TRACEPARENT)])]);
}

#[test]
fn a_message_that_waits_for_room_carries_the_context_of_its_call() {
    const MESSAGES: usize = 20;
    let topic = topic();
    let config = Kafka::shared().producer_config();
    let config = config.queue_messages(1).property("linger.ms", "20");
    let producer = KafkaProducer::new(config).expect("a producer");
    let futures: Vec<_> = {
        let _scope = context().enter();
        let send = |_| producer.send_async(&topic, "payload");
        (0..MESSAGES).map(send).collect()
    };
    let waiting = futures.iter().map(|future| format!("{future:?}"));
    assert!(waiting.filter(|state| state.contains("room")).count() > 0);
    for future in futures {
        block_on(future).unwrap();
    }
    assert_eq!(headers(&topic, MESSAGES), vec![carried(); MESSAGES]);
}
