//! Reading a dead letter queue, with a client that is not the one under test.

use integration_tests::{Brokers, eventually_some};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::time::Duration;

/// A record of a dead letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp_ms: Option<i64>,
}

impl Found {
    /// The value of a header that must be there once, as text.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let (_, value) = values
            .next()
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        assert!(values.next().is_none(), "{name} comes twice: {self:?}");
        String::from_utf8(value.clone().expect("a value")).expect("text")
    }

    /// Where it came from: partition and offset.
    #[track_caller]
    pub(crate) fn origin(&self) -> (i32, i64) {
        let number = |name| self.text(name).parse().expect("a number");
        let partition: i64 = number("rws-dlq-original-partition");
        (partition as i32, number("rws-dlq-original-offset"))
    }
}

/// What `topic` holds at this moment; nothing while it does not exist.
pub(crate) fn read(kafka: &Brokers, topic: &str, partitions: i32) -> Vec<Found> {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.plain_bootstrap())
        .set("group.id", "letters")
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "false")
        .create()
        .expect("a client");
    let mut list = TopicPartitionList::new();
    let mut left = 0;
    for partition in 0..partitions {
        let Ok((low, high)) = client.fetch_watermarks(topic, partition, Duration::from_secs(10))
        else {
            return Vec::new();
        };
        left += high - low;
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    client.assign(&list).expect("an assignment");
    let mut found = Vec::new();
    while (found.len() as i64) < left {
        let record = eventually_some(Duration::from_secs(30), || {
            client.poll(Duration::from_secs(1))?.ok()
        });
        let headers = record.headers().map(|headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect()
        });
        found.push(Found {
            partition: record.partition(),
            key: record.key().map(<[u8]>::to_vec),
            payload: record.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp_ms: record.timestamp().to_millis(),
        });
    }
    found
}
