//! Services that read all their settings from the environment.

use std::{error::Error, sync::mpsc::channel, time::Duration};

use integration_tests::{SOON, eventually};
use rws_kafka::{
    ConsumerContext, KafkaConfig, KafkaConsumer, KafkaProducer,
    outbox::{Outbox, OutboxRelay, Pool},
};

pub(crate) fn publish_by_outbox(topic: &str) {
    if let Err(error) = enqueue_and_relay(topic) {
        panic!("{error}: {error:?}");
    }
}

/// Runs the snippet of the roadmap's item 6.
fn enqueue_and_relay(topic: &str) -> Result<(), Box<dyn Error>> {
    let (producer, db_pool) = (KafkaProducer::from_env()?, Pool::from_env()?);
    let mut connection = db_pool.get()?;
    let mut tx = connection.transaction()?;

    let outbox = Outbox::new(&mut tx);
    outbox.enqueue(topic, r#"{"order_id": 1}"#)?;
    tx.commit()?;

    let relay = OutboxRelay::from_env(producer, db_pool)?;
    let relay = relay.start(500);

    eventually(SOON, || relay.status().published == 1);
    assert!(relay.stop_within(SOON).is_clean());
    Ok(())
}

pub(crate) fn round_trip(topic: &str) {
    let producer = KafkaProducer::from_env().unwrap();
    producer
        .send_keyed(topic, "order-1", r#"{"order_id": 1}"#)
        .unwrap();
    assert!(producer.close(Duration::from_secs(20)).is_complete());

    let (told, payload) = channel();
    let handle = KafkaConsumer::from_env()
        .and_then(|consumer| consumer.subscribe([topic]))
        .unwrap()
        .start(move |msg: ConsumerContext| {
            told.send(msg.payload_str()?.to_owned())?;
            msg.commit()
        });
    let payload = payload.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(payload, r#"{"order_id": 1}"#);
    assert!(handle.stop().is_clean());
    println!("{:?}", KafkaConfig::from_env().unwrap());
    println!("consumed: {payload}");
}
