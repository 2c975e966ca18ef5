use integration_tests::{Kafka, SOON, stop, unique, unique_topic};
use rws_kafka::{ConsumerConfig, KafkaConsumer, Observer};
use std::sync::mpsc::{Receiver, channel};

pub(crate) fn topic() -> String {
    let topic = unique_topic("otel");
    Kafka::shared().create_topic(&topic, 1);
    topic
}

pub(crate) fn consumer(topic: &str, group: &str) -> KafkaConsumer {
    let config = ConsumerConfig::new(Kafka::shared().bootstrap(), group).expect("an address");
    KafkaConsumer::new(config.observer(Observer::new()))
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
}

/// A header as it came: by name, null where it has no value.
pub(crate) type Header = (String, Option<String>);

/// Returns the headers of the first `count` messages of a topic, read by a worker of its own.
pub(crate) fn headers(topic: &str, count: usize) -> Vec<Vec<Header>> {
    let (sender, headers): (_, Receiver<Vec<Header>>) = channel();
    let handle = consumer(topic, &unique("reader")).start(move |msg| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let headers = msg.headers();
        let headers = headers.map(|(name, value)| (name.to_owned(), value.map(text)));
        // Fails only if the receiver was dropped.
        let _ = sender.send(headers.collect());
        msg.commit()
    });
    let read = (0..count).map(|_| headers.recv_timeout(SOON).expect("a message"));
    let read = read.collect();
    stop(&handle);
    read
}

/// Returns the values of the headers of this name.
pub(crate) fn values<'a>(headers: &'a [Header], name: &str) -> Vec<&'a str> {
    let named = headers.iter().filter(|header| header.0 == name);
    named.filter_map(|header| header.1.as_deref()).collect()
}
