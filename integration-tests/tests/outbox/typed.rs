use crate::support::Scene;
use apache_avro::AvroSchema;
use integration_tests::{Registry, soon, unique};
use rws_kafka::outbox::{Event, Outbox, OutboxError};
use rws_kafka::schema::{ProtobufError, ProtobufMessage, Schema};
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer, Observer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroSchema, JsonSchema)]
struct OrderCreated {
    #[schemars(range(max = 10))]
    order_id: u64,
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

impl ProtobufMessage for Shipped {
    fn protobuf_schema() -> Result<Schema, ProtobufError> {
        Ok(Schema::protobuf(PROTOBUF))
    }
}

const PROTOBUF: &str =
    "syntax = \"proto3\";\npackage shop;\nmessage Shipped { uint64 order_id = 1; }\n";

/// Returns what `read` makes of the messages in the scene's topic, `count` of them.
fn read<T: Send + 'static>(
    scene: &Scene<'_>,
    registry: &SchemaRegistry,
    count: usize,
    read: impl Fn(&ConsumerContext) -> Result<T, HandlerError> + Send + Sync + 'static,
) -> Vec<T> {
    let config = ConsumerConfig::new(scene.kafka.bootstrap(), unique("group"));
    let config = config.expect("valid settings").observer(Observer::new());
    let consumer = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([scene.topic.as_str()]))
        .expect("a consumer");
    let seen: Arc<Mutex<Vec<T>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let worker = consumer.with_registry(registry.clone());
    let handle = worker.start(move |msg: ConsumerContext| {
        notes.lock().expect("no panic").push(read(&msg)?);
        msg.commit()
    });
    soon(|| seen.lock().expect("no panic").len() == count);
    assert!(handle.stop().is_clean());
    drop(handle);
    std::mem::take(&mut *seen.lock().expect("no panic"))
}

#[test]
fn a_value_in_avro_is_encoded_at_enqueue_with_its_key() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let topic = scene.topic.as_str();
    let registry = SchemaRegistry::confluent(Registry::shared().url());
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let outbox = Outbox::new(&mut tx);
    let event = |order_id| OrderCreated { order_id };
    outbox.enqueue_avro(topic, &event(1), &registry)?;
    outbox.enqueue_avro_keyed(topic, "plain", &event(2), &registry)?;
    let typed = Event::to(topic).avro_key(&"typed", &registry)?;
    outbox.enqueue_event(&typed.avro(&event(3), &registry)?)?;
    tx.commit()?;
    let _relay = scene.relay().start(20);
    let mut found = read(&scene, &registry, 3, |msg| {
        let event: OrderCreated = msg.deserialize_avro()?;
        Ok((event.order_id, msg.key().map(<[u8]>::to_vec)))
    });
    found.sort();
    assert_eq!(found[0], (1, None));
    assert_eq!(found[1], (2, Some(b"plain".to_vec())));
    let key = found[2].1.as_deref().expect("a key");
    assert_eq!((key[0], &key[5..]), (0, b"\x0atyped".as_slice()));
    Ok(())
}

#[test]
fn async_code_enqueues_protobuf_and_json_with_schemas() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let registry = SchemaRegistry::confluent(Registry::shared().url());
    let (shipped, created) = (Scene::new(1), Scene::new(1));
    for scene in [&shipped, &created] {
        // The relay is on another runtime than the transaction.
        runtime.block_on(async {
            let mut client = scene.pool.as_async().get().await?;
            let mut tx = client.transaction().await?;
            let outbox = Outbox::new(&mut tx);
            if std::ptr::eq(scene, &shipped) {
                let event = Shipped { order_id: 7 };
                outbox
                    .enqueue_protobuf(&scene.topic, event, &registry)
                    .await?;
            } else {
                let event = OrderCreated { order_id: 7 };
                outbox
                    .enqueue_json_schema_keyed(&scene.topic, "7", event, &registry)
                    .await?;
            }
            tx.commit().await?;
            Ok::<_, Box<dyn Error>>(())
        })?;
    }
    let _relays = [shipped.relay().start(20), created.relay().start(20)];
    let found: Vec<Shipped> = read(
        &shipped,
        &registry,
        1,
        |msg| Ok(msg.deserialize_protobuf()?),
    );
    assert_eq!(found, [Shipped { order_id: 7 }]);
    let found: Vec<OrderCreated> = read(&created, &registry, 1, |msg| {
        Ok(msg.deserialize_json_schema()?)
    });
    assert_eq!(found, [OrderCreated { order_id: 7 }]);
    Ok(())
}

#[test]
fn a_value_that_its_schema_refuses_is_told_at_enqueue() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let registry = SchemaRegistry::confluent(Registry::shared().url());
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let outbox = Outbox::new(&mut tx);
    let refused =
        outbox.enqueue_json_schema(&scene.topic, &OrderCreated { order_id: 11 }, &registry);
    let Err(error @ OutboxError::Encode { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains(&scene.topic), "{error}");
    let mut words = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(
        words.contains("order_id") && words.contains("10"),
        "{words}"
    );
    tx.commit()?;
    assert_eq!(scene.backlog(), 0);
    Ok(())
}
