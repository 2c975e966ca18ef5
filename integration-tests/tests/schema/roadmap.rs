//! The roadmap's items 10 and 11 as written, and what they promise.

use crate::desk::Desk;
use apache_avro::AvroSchema;
use integration_tests::{Registry, RegistryOptions, SOON, soon, unique_topic};
use rws_kafka::ConsumerContext;
use rws_kafka::schema::{AvroMessage, Schema};
use rws_kafka::schema_registry::SchemaRegistry;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::{Arc, Mutex};

/// As in the roadmap, with a schema of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
struct OrderCreated {
    order_id: u64,
    user_id: u64,
    amount_cents: u64,
}

fn event() -> OrderCreated {
    OrderCreated {
        order_id: 1,
        user_id: 42,
        amount_cents: 9900,
    }
}

#[test]
fn the_snippets_run() -> Result<(), Box<dyn Error>> {
    let server = Registry::start_with(RegistryOptions::new().basic_auth("user", "password"));
    let schema_registry =
        SchemaRegistry::confluent(server.url()).with_basic_auth("user", "password");
    let topic = unique_topic("orders.created");
    let desk = Desk::on(topic, schema_registry.clone());
    let (producer, consumer, topic) = (desk.producer(), desk.consumer(), &desk.topic);
    let event = event();
    let registry = schema_registry.clone();

    // Item 10.
    producer.send_avro(topic, &event, schema_registry)?;

    // Item 11.
    producer
        .with_registry(registry.clone())
        .send_avro(topic, &event)?;

    let seen: Arc<Mutex<Vec<OrderCreated>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let handle = consumer
        .with_registry(registry)
        .start(move |msg: ConsumerContext| {
            let event: OrderCreated = msg.deserialize_avro()?;
            notes.lock().unwrap().push(event);
            msg.commit()
        });
    soon(|| seen.lock().unwrap().len() == 2);
    assert!(handle.stop().is_clean());
    assert_eq!(*seen.lock().unwrap(), [event.clone(), event]);
    // It was not registered before.
    assert_eq!(server.versions(&format!("{topic}-value")), [1]);
    Ok(())
}

#[test]
fn a_type_is_registered_when_it_is_first_sent() {
    let registry = crate::client(Registry::shared());
    let desk = Desk::new(registry.clone());
    let subject = format!("{}-value", desk.topic);
    assert_eq!(Registry::shared().versions(&subject), [] as [i64; 0]);
    let event = OrderCreated {
        order_id: 1,
        user_id: 42,
        amount_cents: i64::MAX as u64,
    };
    let producer = desk.producer().with_registry(registry.clone());
    producer.send_avro(&desk.topic, &event).unwrap();
    producer
        .send_avro_keyed(&desk.topic, "order-1", &event)
        .unwrap();
    assert!(producer.flush(SOON).is_complete());
    assert_eq!(Registry::shared().versions(&subject), [1]);
    // Registered once by this producer, and not requested again.
    assert_eq!(registry.stats().requests, 1);
    let schema = registry.latest(&subject).unwrap().schema;
    let json = |schema: &Schema| serde_json::from_str::<serde_json::Value>(schema.text()).unwrap();
    assert_eq!(json(&schema), json(&OrderCreated::avro_schema().unwrap()));
    assert!(
        schema.text().contains(r#""long""#) && !schema.text().contains("fixed"),
        "{schema:?}"
    );
    let read = desk.read(2, |msg| Ok(msg.deserialize_avro::<OrderCreated>()?));
    assert_eq!(read, [event.clone(), event.clone()]);

    let too_large = OrderCreated {
        user_id: 1 << 63,
        ..event
    };
    let error = producer.send_avro(&desk.topic, &too_large).unwrap_err();
    let words = format!("{error}: {}", rws_kafka_words(&error));
    assert!(
        words.contains("user_id") && words.contains("9223372036854775808"),
        "{words}"
    );
}

#[test]
fn a_type_without_a_schema_anywhere_is_an_error_that_says_what_to_do() {
    #[derive(Serialize)]
    struct Plain {
        order_id: u64,
    }

    let desk = Desk::new(crate::client(Registry::shared()));
    let error = desk
        .producer()
        .send_avro_latest(&desk.topic, &Plain { order_id: 1 }, &desk.registry)
        .unwrap_err();
    let words = rws_kafka_words(&error);
    assert!(
        words.contains(&format!("no Avro schema for subject {}-value", desk.topic)),
        "{words}"
    );
    assert!(
        words.contains("register one, or send a type that has a schema of its own"),
        "{words}"
    );
}

/// Returns the causes of an error.
fn rws_kafka_words(error: &dyn Error) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}
