//! The server's address is a setting of this process, which the test sets.

use std::time::Duration;

use integration_tests::{close, jobs::Place, ready, soon, stop, unique};
use rust_web_server::app::App;
use rws_kafka::{
    ConsumerConfig, ConsumerContext, HandlerError, KafkaConfig, KafkaConsumer, KafkaLayer,
    KafkaProducer, Observer, ProducerConfig, Serve,
    config::{KafkaConfigBuilder, OffsetReset},
    schema::Schema,
    schema_registry::SchemaRegistry,
};

pub(crate) fn serve(place: &Place, queue: &str, registry: &str) {
    let observer = Observer::new();
    let worker = consumer(place, &observer)
        .dead_letter_queue(queue)
        .max_retries(0)
        .start(|msg: ConsumerContext| match msg.payload_str()? {
            "bad" => Err(HandlerError::new("not \"this\" \\ one\n")),
            _ => msg.commit(),
        });
    ready(&worker);
    let producer = producer(place, &observer);
    for payload in ["good", "bad", "good"] {
        producer.send(&place.topic, payload).unwrap();
    }
    let registry = SchemaRegistry::confluent(registry).with_observer(observer.clone());
    let schema = Schema::avro(r#"{"type":"string"}"#);
    registry.register(&unique("page"), &schema).unwrap();

    let app = App::with_state(()).wrap(KafkaLayer::new().observer(observer));
    let serve = Serve::new()
        .deadline(Duration::from_secs(10))
        .bind()
        .unwrap();
    println!("listening on {}", serve.local_addr().unwrap());
    assert!(rws_kafka::serve(app, serve).unwrap().is_clean());

    soon(|| worker.status().lag() == Some(0));
    close(&producer);
    stop(&worker);
    println!("stopped");
}

fn settings(place: &Place, client_id: &str) -> KafkaConfigBuilder {
    KafkaConfig::builder()
        .brokers(&place.brokers)
        .client_id(client_id)
}

fn consumer(place: &Place, observer: &Observer) -> KafkaConsumer {
    let config = settings(place, &place.group)
        .consumer_group(&place.group)
        .session_timeout(Duration::from_secs(6))
        .property("heartbeat.interval.ms", "200")
        .auto_offset_reset(OffsetReset::Earliest);
    let config = ConsumerConfig::from(config.build().expect("valid settings"));
    KafkaConsumer::new(config.observer(observer.clone()))
        .and_then(|consumer| consumer.subscribe([&place.topic]))
        .expect("a valid consumer")
}

/// Returns a producer whose client id is the topic.
fn producer(place: &Place, observer: &Observer) -> KafkaProducer {
    let config = settings(place, &place.topic).build();
    let config = ProducerConfig::from(config.expect("valid settings"));
    KafkaProducer::new(config.observer(observer.clone())).expect("a producer")
}
