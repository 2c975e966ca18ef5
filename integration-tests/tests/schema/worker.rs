//! Messages that a worker cannot decode.

use crate::desk::Desk;
use crate::faulty::{Fault, Faulty};
use integration_tests::{JournalOf, Registry, soon, stop, unique};
use rws_kafka::ConsumerContext;
use rws_kafka::schema_registry::SchemaRegistry;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SCHEMA: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;

/// Runs a worker until `count` messages of the topic are finished, and returns the ids that were
/// read, how often the handler was called, and the dead letters' headers.
#[track_caller]
fn settle(desk: &Desk, count: i64) -> (Vec<Value>, usize, String) {
    let queue = format!("{}.dlq", desk.topic);
    desk.kafka.create_topic(&queue, 1);
    let (read, calls): (JournalOf<Value>, Arc<AtomicUsize>) = Default::default();
    let consumer = desk
        .consumer()
        .dead_letter_queue(&queue)
        .max_retries(2)
        .retry_backoff_ms(1)
        .with_registry(desk.registry.clone());
    let handle = {
        let (read, calls) = (read.clone(), Arc::clone(&calls));
        consumer.start(move |msg: ConsumerContext| {
            calls.fetch_add(1, Ordering::SeqCst);
            let order: Value = msg.deserialize_avro_as_written()?;
            read.note(order["id"].clone());
            msg.commit()
        })
    };
    soon(|| {
        let dead = desk.kafka.end_offset(&queue, 0);
        read.len() as i64 + dead == count
    });
    stop(&handle);
    let letters = desk
        .kafka
        .kcat(&["-C", "-e", "-q", "-t", &queue, "-f", "%h\n"]);
    let letters = String::from_utf8(letters).unwrap();
    (read.all(), calls.load(Ordering::SeqCst), letters)
}

/// Returns a payload of a schema that is registered.
fn payload(subject: &str) -> Vec<u8> {
    let id = Registry::shared().register(subject, "AVRO", SCHEMA, &[]);
    let mut payload = vec![0];
    payload.extend(id.to_be_bytes());
    payload.extend(b"\x02a");
    payload
}

#[test]
fn a_message_that_cannot_be_read_is_a_dead_letter_at_once() {
    let desk = Desk::new(crate::client(Registry::shared()));
    let producer = desk.producer();
    let good = payload(&unique("worker"));
    for bad in [
        &b"{}"[..],
        b"\x00\x00\x00",
        // No such id.
        b"\x00\x3b\x9a\xc9\xff\x02a",
        // Half of it.
        &good[..6],
    ] {
        producer.send(&desk.topic, bad).unwrap();
    }
    producer.send_sync(&desk.topic, &good).unwrap();
    let (read, calls, letters) = settle(&desk, 5);
    assert_eq!((read, calls), (vec![Value::from("a")], 5));
    for words in [
        "byte 0, the format of a payload, is 0x7b",
        "needs 5 bytes; found 3",
        "has no schema 999999999",
    ] {
        assert!(letters.contains(words), "{words}: {letters}");
    }
    assert_eq!(letters.lines().count(), 4, "{letters}");
}

#[test]
fn a_registry_that_cannot_be_asked_is_no_fault_of_the_message() {
    let server = Faulty::before(Registry::shared());
    server.next([503, 401].map(|status| Fault::Answer {
        status,
        headers: "",
        body: String::new(),
    }));
    let registry = SchemaRegistry::confluent(server.url()).with_retries(0, Duration::ZERO);
    let desk = Desk::new(registry);
    desk.producer()
        .send_sync(&desk.topic, payload(&unique("worker")))
        .unwrap();
    let (read, calls, letters) = settle(&desk, 1);
    assert_eq!((read, calls), (vec![Value::from("a")], 3), "{letters}");
}
