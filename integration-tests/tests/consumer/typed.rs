//! Values as JSON, through the broker.

use crate::dead_letters::Poisoned;
use integration_tests::{Kafka, Scene, close, soon, stop};
use rws_kafka_consumer::ConsumerContext;
use rws_kafka_producer::{ProducerError, Record};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

/// The example of the roadmap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OrderCreated {
    order_id: u64,
    user_id: u64,
    amount_cents: u64,
}

fn order(order_id: u64) -> OrderCreated {
    OrderCreated {
        order_id,
        user_id: 42,
        amount_cents: u64::MAX,
    }
}

#[test]
fn a_typed_message_is_read_as_the_value_that_was_sent() {
    let scene = Scene::new(1);
    let producer = scene.producer();
    producer.send_typed(&scene.topic, &order(1)).unwrap();
    let keyed = producer.send_typed_keyed(&scene.topic, "order-2", &order(2));
    keyed.unwrap();
    close(&producer);
    let seen: Arc<Mutex<Vec<OrderCreated>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        let event: OrderCreated = msg.deserialize_json()?;
        notes.lock().unwrap().push(event);
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(2));
    stop(&handle);
    assert_eq!(*seen.lock().unwrap(), [order(1), order(2)]);
    let arguments = ["-C", "-e", "-q", "-t", &scene.topic, "-f", "%k|%s\n"];
    let json = |id| {
        format!(
            r#"{{"order_id":{id},"user_id":42,"amount_cents":{}}}"#,
            u64::MAX
        )
    };
    let expected = format!("|{}\norder-2|{}\n", json(1), json(2));
    assert_eq!(scene.kafka.kcat(&arguments), expected.as_bytes());
}

#[test]
fn a_payload_of_another_type_goes_to_the_dead_letters_at_once_and_tells_where_it_is_wrong() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    let scene = &poisoned.scene;
    let producer = scene.producer();
    let payload = "{\"order_id\": 1,\n \"user_id\": \"me\"}";
    let record = Record::to(&scene.topic).payload(payload);
    producer.send_record(record).unwrap();
    producer
        .send_record(Record::to(&scene.topic).key("k"))
        .unwrap();
    producer.send_typed(&scene.topic, &order(3)).unwrap();
    close(&producer);
    let handle = poisoned.consumer().start(|msg: ConsumerContext| {
        msg.deserialize_json::<OrderCreated>()?;
        msg.commit()
    });
    soon(|| scene.committed(0) == Some(3));
    stop(&handle);
    let letters = poisoned.letters();
    let reason = |letter: usize| letters[letter].header_text("rws-dlq-error-reason");
    assert_eq!(
        reason(0),
        format!(
            "cannot decode the message at {}-0 offset 0: the payload is not JSON of the \
             requested type, at line 2 column 16, in user_id: invalid type: string \"me\", expected \
             u64 at line 2 column 16",
            scene.topic
        )
    );
    assert!(reason(1).contains("it is a tombstone"), "{}", reason(1));
    for letter in &letters {
        assert_eq!(letter.header_text("rws-dlq-attempts"), "1");
    }
    assert_eq!(letters.len(), 2);
}

#[test]
fn a_value_without_a_form_in_json_is_not_sent() {
    let scene = Scene::new(1);
    let producer = scene.producer();
    let value = HashMap::from([((1, 2), 3)]);
    let error = producer.send_typed(&scene.topic, &value).unwrap_err();
    assert!(matches!(error, ProducerError::Encode { .. }), "{error:?}");
    assert!(!error.is_retriable() && !error.is_fatal());
    let expected = format!("cannot encode the message for topic {:?}", scene.topic);
    assert_eq!(error.to_string(), expected);
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), "the value cannot be written as JSON");
    close(&producer);
    assert_eq!(scene.kafka.end_offset(&scene.topic, 0), 0);
}
