//! A broker in this process, and what it holds.

use super::SOON;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka::embedded::Broker;

pub(crate) const TOPIC: &str = "orders.created";
pub(crate) const GROUP: &str = "fulfilment";

/// A broker with the topic.
pub(crate) fn broker() -> Broker {
    let broker = Broker::start().expect("a broker");
    broker.create_topic(TOPIC, 1).expect("a topic");
    broker
}

/// How many events the topic holds, by its watermarks.
pub(crate) fn events_in(broker: &Broker) -> i64 {
    let (low, high) = client(broker)
        .fetch_watermarks(TOPIC, 0, SOON)
        .expect("its watermarks");
    high - low
}

/// The offset that the workers' group has committed.
pub(crate) fn committed(broker: &Broker) -> Offset {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition(TOPIC, 0);
    let committed = client(broker)
        .committed_offsets(partitions, SOON)
        .expect("its offsets");
    committed.elements()[0].offset()
}

/// Someone else's client.
pub(crate) fn client(broker: &Broker) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", GROUP)
        .create()
        .expect("a client")
}
