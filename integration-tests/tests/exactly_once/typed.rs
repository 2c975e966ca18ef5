//! Values with schemas in transactions.

use crate::support::Scene;
use apache_avro::AvroSchema;
use integration_tests::{Registry, SOON, soon, stop};
use rws_kafka_consumer::HandlerError;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use rws_kafka_schema::Schema;
use rws_kafka_schema::protobuf::{ProtobufError, ProtobufMessage};
use rws_kafka_schema::registry::SchemaRegistry;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
struct Order {
    order_id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
struct Invoice {
    order_id: u64,
    total: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Shipped {
    #[prost(uint64, tag = "1")]
    order_id: u64,
}

impl prost::Name for Shipped {
    const PACKAGE: &'static str = "shop";
    const NAME: &'static str = "Shipped";
}

const INVOICE: &str = r#"{"type":"record","name":"Invoice","fields":[
    {"name":"order_id","type":"long"},{"name":"total","type":"string"}]}"#;
impl ProtobufMessage for Shipped {
    fn protobuf_schema() -> Result<Schema, ProtobufError> {
        Ok(Schema::protobuf(SHIPPED))
    }
}

const SHIPPED: &str =
    "syntax = \"proto3\";\npackage shop;\nmessage Shipped { uint64 order_id = 1; }\n";

fn registry() -> SchemaRegistry {
    SchemaRegistry::confluent(Registry::shared().url())
}

/// Sends orders from 0 to the source.
fn send_orders(scene: &Scene<'_>, count: u64) {
    let producer = KafkaProducer::new(scene.producer_config()).expect("a producer");
    let typed = producer.with_registry(registry());
    for order_id in 0..count {
        let order = Order { order_id };
        typed.send_avro(&scene.topic, &order).expect("a schema");
    }
    let report = producer.close(SOON);
    assert!(report.is_complete(), "{report:?}");
}

#[test]
fn avro_comes_in_and_goes_out_exactly_once() {
    const ORDERS: u64 = 1000;
    let scene = Scene::new(1);
    send_orders(&scene, ORDERS);
    let registry = registry();
    let sink = scene.sink.clone();
    let handle = scene
        .consumer()
        .with_registry(registry.clone())
        .exactly_once(&scene.id)
        .producer(scene.producer_config())
        .max_messages(100)
        .start(move |msg, out| {
            let Order { order_id } = msg.deserialize_avro()?;
            let total = format!("{order_id}.00");
            let invoice = Invoice { order_id, total };
            if order_id % 2 == 0 {
                out.record(&sink)
                    .avro_key(&order_id)
                    .avro(&invoice)
                    .send()?;
            } else {
                out.send_avro_keyed(&sink, order_id.to_string(), &invoice)?;
            }
            if order_id % 50 == 7 && msg.attempt() == 1 {
                return Err(HandlerError::new("not yet"));
            }
            Ok(())
        });
    scene.wait_until_committed(ORDERS as usize, &handle);
    stop(&handle);
    soon(|| scene.read_sink().len() >= ORDERS as usize);
    let found = scene.read_sink();
    assert_eq!(found.len(), ORDERS as usize);
    for (order_id, (key, payload)) in (0..).zip(&found) {
        let invoice: Invoice = registry.decode_avro(payload.as_slice()).unwrap();
        let total = format!("{order_id}.00");
        assert_eq!(invoice, Invoice { order_id, total });
        let key = key.as_deref().unwrap();
        if order_id % 2 == 0 {
            let typed: u64 = registry.decode_avro(key).unwrap();
            assert_eq!(typed, order_id);
        } else {
            assert_eq!(key, order_id.to_string().as_bytes());
        }
    }
}

/// Runs a worker whose outputs are for `outputs`, until all orders are dead-lettered; returns how
/// often its handler was called, and the headers of the dead letters.
fn give_up(scene: &Scene<'_>, orders: u64, outputs: SchemaRegistry) -> (usize, String) {
    let queue = format!("{}.dlq", scene.topic);
    scene.kafka.create_topic(&queue, 1);
    send_orders(scene, orders);
    let calls = Arc::new(AtomicUsize::new(0));
    let handle = {
        let (sink, calls) = (scene.sink.clone(), Arc::clone(&calls));
        scene
            .consumer()
            .dead_letter_queue(&queue)
            .max_retries(2)
            .retry_backoff_ms(1)
            .with_registry(registry())
            .exactly_once(&scene.id)
            .producer(scene.producer_config())
            .output_registry(outputs)
            .start(move |msg, out| {
                calls.fetch_add(1, Ordering::Relaxed);
                let Order { order_id } = msg.deserialize_avro()?;
                out.send(&sink, "beside it")?;
                let total = "0".to_owned();
                out.send_avro(&sink, &Invoice { order_id, total })?;
                Ok(())
            })
    };
    scene.wait_until_committed(orders as usize, &handle);
    stop(&handle);
    soon(|| scene.read(&queue).concat().len() == orders as usize);
    assert_eq!(scene.read_all(&scene.sink).concat(), [""; 0]);
    let letters = scene
        .kafka
        .kcat(&["-C", "-e", "-q", "-t", &queue, "-f", "%h\n"]);
    let letters = String::from_utf8_lossy(&letters).into_owned();
    (calls.load(Ordering::Relaxed), letters)
}

#[test]
fn an_output_that_the_registry_refuses_is_a_dead_letter_at_once() {
    let scene = Scene::new(1);
    let subject = format!("{}-value", scene.sink);
    let earlier = INVOICE.replace("string", "long");
    Registry::shared().register(&subject, "AVRO", &earlier, &[]);
    let (calls, letters) = give_up(&scene, 3, registry());
    assert_eq!(calls, 3, "{letters}");
    let words = format!("not compatible with subject {subject}");
    assert_eq!(letters.matches(&words).count(), 3, "{letters}");
    // The subject still has its earlier version.
    assert_eq!(Registry::shared().versions(&subject).len(), 1);
}

#[test]
fn a_registry_that_cannot_be_asked_for_an_output_is_no_fault_of_the_message() {
    let scene = Scene::new(1);
    // Nothing listens there.
    let outputs = SchemaRegistry::confluent("http://127.0.0.1:9").with_retries(0, Duration::ZERO);
    let (calls, letters) = give_up(&scene, 2, outputs);
    assert_eq!(calls, 2 * 3, "{letters}");
    assert_eq!(letters.matches("cannot be reached").count(), 2, "{letters}");
}

#[test]
fn outputs_without_a_registry_say_where_one_is_given() {
    let scene = Scene::new(1);
    scene.fill(1);
    let sink = scene.sink.clone();
    let handle = scene.exactly_once().start(move |_, out| {
        let error = out.send_avro(&sink, &1_u64).unwrap_err();
        assert!(matches!(error, ProducerError::NoRegistry { .. }));
        let error = HandlerError::from(error);
        assert!(!error.is_permanent());
        out.send(&sink, error.to_string())?;
        Ok(())
    });
    scene.wait_until_committed(1, &handle);
    stop(&handle);
    soon(|| scene.read_sink().len() == 1);
    let (_, words) = scene.read_sink().remove(0);
    let words = String::from_utf8(words).unwrap();
    assert!(
        words.contains(&scene.sink) && words.contains("with_registry"),
        "{words}"
    );
}

#[test]
fn a_transaction_takes_protobuf_and_is_read_when_it_is_committed() {
    let scene = Scene::new(1);
    let registry = registry();
    let producer = scene.transactional().with_registry(registry.clone());
    for (round, commit) in [(0_u64, false), (1, true)] {
        let transaction = producer.begin().unwrap();
        let number = 10 * round;
        for order_id in number..number + 3 {
            transaction
                .send_protobuf(&scene.sink, &Shipped { order_id })
                .unwrap();
        }
        let order_id = number + 3;
        transaction
            .send_protobuf_keyed(&scene.sink, "key", &Shipped { order_id })
            .unwrap();
        let order_id = number + 4;
        transaction
            .record(&scene.sink)
            .protobuf_key(&Shipped { order_id })
            .protobuf(&Shipped { order_id })
            .send()
            .unwrap();
        // They are in the topic, even the aborted ones.
        let written = 5 + 5 * round as usize;
        soon(|| scene.read_all(&scene.sink).concat().len() == written);
        assert_eq!(scene.read_sink(), []);
        match commit {
            true => transaction.commit().unwrap(),
            false => transaction.abort().unwrap(),
        }
    }
    soon(|| scene.read_sink().len() == 5);
    let found = scene.read_sink();
    let ids = found.iter().map(|(_, payload)| {
        let shipped: Shipped = registry.decode_protobuf(payload.as_slice()).unwrap();
        shipped.order_id
    });
    assert_eq!(ids.collect::<Vec<_>>(), [10, 11, 12, 13, 14]);
    let keys: Vec<Option<&[u8]>> = found.iter().map(|(key, _)| key.as_deref()).collect();
    assert_eq!(keys[..4], [None, None, None, Some(b"key".as_slice())]);
    let typed: Shipped = registry.decode_protobuf(keys[4].unwrap()).unwrap();
    assert_eq!(typed, Shipped { order_id: 14 });
}

#[test]
fn a_value_that_was_not_encoded_costs_its_transaction_nothing() {
    let scene = Scene::new(1);
    let without = scene.transactional();
    let transaction = without.begin().unwrap();
    let error = transaction.send_avro(&scene.sink, &1_u64).unwrap_err();
    assert!(matches!(error, ProducerError::NoRegistry { .. }), "{error}");
    assert!(!error.must_abort() && !error.is_fatal());
    transaction.send(&scene.sink, "kept").unwrap();
    transaction.commit().unwrap();
    let json = r#"{"type":"object","properties":{"order_id":{"type":"integer","maximum":10}}}"#;
    let registry = registry().with_json_schema::<Order>(Schema::json(json));
    let with = without.with_registry(registry.clone());
    let transaction = with.begin().unwrap();
    let send = |order_id| transaction.send_json_schema_latest(&scene.sink, &Order { order_id });
    let error = send(11).unwrap_err();
    assert!(matches!(error, ProducerError::Encode { .. }), "{error}");
    assert!(!error.must_abort() && !error.is_retriable());
    send(10).unwrap();
    transaction.commit().unwrap();
    soon(|| scene.read_sink().len() == 2);
    let found = scene.read_sink();
    assert_eq!(found[0].1, b"kept");
    let order: Order = registry.decode_json_schema(found[1].1.as_slice()).unwrap();
    assert_eq!(order, Order { order_id: 10 });
}
