//! The broker in this process.

mod common;

use common::SOON;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use rws_kafka::embedded::{Broker, BrokerError};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};
use std::net::TcpStream;
use std::time::Instant;

fn consumer(broker: &Broker) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "test")
        .create()
        .expect("a consumer")
}

#[test]
fn what_is_produced_can_be_consumed() {
    let broker = Broker::start().unwrap();
    broker.create_topic("orders.created", 1).unwrap();
    let config = ProducerConfig::new(broker.bootstrap_servers()).unwrap();
    let producer = KafkaProducer::new(config.observer(Observer::new())).unwrap();
    producer.send_sync("orders.created", "an order").unwrap();

    let consumer = consumer(&broker);
    let mut from_the_start = TopicPartitionList::new();
    from_the_start
        .add_partition_offset("orders.created", 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&from_the_start).unwrap();

    let message = consumer.poll(SOON).expect("a message").unwrap();
    assert_eq!(message.payload(), Some(&b"an order"[..]));
}

#[test]
fn a_topic_has_the_partitions_it_was_created_with() {
    let broker = Broker::start().unwrap();
    broker.create_topic("orders.created", 7).unwrap();

    let metadata = consumer(&broker)
        .fetch_metadata(Some("orders.created"), SOON)
        .unwrap();

    assert_eq!(metadata.topics()[0].partitions().len(), 7);
}

#[test]
fn two_brokers_are_two_clusters() {
    let one = Broker::start().unwrap();
    let other = Broker::start().unwrap();

    assert_ne!(one.bootstrap_servers(), other.bootstrap_servers());
}

#[test]
fn a_topic_that_cannot_be_is_an_error_that_says_why() {
    let broker = Broker::start().unwrap();
    broker.create_topic("orders.created", 1).unwrap();

    for (name, partitions) in [
        ("orders.created", 1),
        ("no spaces", 1),
        ("nul\0", 1),
        ("", 1),
        ("of-nothing", 0),
        ("of-less", -1),
    ] {
        let error = broker.create_topic(name, partitions).unwrap_err();
        assert!(matches!(error, BrokerError::Topic { .. }), "{error:?}");
    }
    assert_eq!(
        broker
            .create_topic("of-nothing", 0)
            .unwrap_err()
            .to_string(),
        r#"cannot create topic "of-nothing" with 0 partitions: a topic has at least 1 partition"#
    );
    broker.create_topic("still-works", 1).unwrap();
}

#[test]
fn a_dropped_broker_is_gone() {
    let broker = Broker::start().unwrap();
    let address = broker.bootstrap_servers().to_owned();
    TcpStream::connect(&address).expect("it listens");
    let started = Instant::now();

    drop(broker);

    assert!(started.elapsed() < SOON);
    TcpStream::connect(&address).expect_err("nobody listens");
}
